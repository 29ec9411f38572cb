/** Element Web's config.json. It serves either side: Element finds out by itself whether MAS is there. */
import { publicUrls, type Model } from '../model/model.ts';
import { elementNginxConf } from './element-nginx.ts';
import { toJson, type RenderedVolume } from './file.ts';

/** Owner `element`, empty without `hosts.element`. */
export function elementVolumes(model: Model): RenderedVolume[] {
  const config = elementConfig(model);
  if (config === undefined) return [];
  return [{ owner: 'element', secret: false, uid: model.images.elementWeb?.uid ?? 101, gid: model.images.elementWeb?.gid ?? 101, files: [{ path: 'config.json', content: toJson(config) }, { path: 'nginx.conf', content: elementNginxConf }] }];
}

function elementConfig(model: Model): unknown {
  const urls = publicUrls(model);
  if (urls.element === undefined) return undefined;
  const client = model.clients.find((entry) => entry.type === 'element-web');
  return {
    default_server_config: { 'm.homeserver': { base_url: urls.homeserver.replace(/\/$/, ''), server_name: model.serverName } },
    disable_custom_urls: true,
    disable_guests: true,
    // Keyed by the issuer byte for byte.
    ...(client === undefined ? {} : { oidc_static_clients: { [urls.issuer]: { client_id: client.clientId } } }),
    sso_redirect_options: { immediate: false, on_welcome_page: true, on_login_page: true },
    embedded_pages: { login_for_welcome: true },
    // Accounts and passwords are MAS's matter; before it there is no open registration either.
    setting_defaults: { 'UIFeature.registration': false, 'UIFeature.passwordReset': false, 'UIFeature.deactivate': false },
    show_labs_settings: false,
    logout_redirect_url: urls.element,
  };
}
