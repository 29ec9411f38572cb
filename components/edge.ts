import * as pulumi from '@pulumi/pulumi';
import type { Hosts, Image, Ports, Tls } from '../model/model.ts';
import { aliases, innerPorts, paths } from '../model/names.ts';
import { edgeCommand } from '../templates/nginx.ts';
import type { FilesVolume } from './files-volume.ts';
import { ManagedContainer } from './managed-container.ts';
import type { Networks } from './networks.ts';

export interface EdgeArgs {
  readonly stack: string;
  readonly image: Image;
  readonly config: FilesVolume;
  readonly secrets: FilesVolume;
  /** The volume whose files say open or closed, and whose routes are live. */
  readonly markers: pulumi.Input<string>;
  readonly networks: Networks;
  readonly hosts: Hosts;
  readonly ports: Ports;
  readonly tls: Tls;
}

/** nginx: the only container with published ports. One configuration serves both phases, so no move replaces it. */
export class Edge extends pulumi.ComponentResource {
  readonly server: ManagedContainer;

  constructor(name: string, args: EdgeArgs, opts?: pulumi.ComponentResourceOptions) {
    super('matrix:edge:Edge', name, { image: args.image.reference }, opts);
    const { hosts, ports, tls } = args;
    // Bridges and jobs ask for the public names and get the edge.
    // Behind an offloading proxy the edge speaks no TLS: the public https URLs do not lead here.
    const publicNames = tls.mode === 'offloaded' ? [] : [...new Set([hosts.homeserver, hosts.auth, ...(hosts.apex.served ? [hosts.apex.name] : [])])];
    const publications = ports.bind.flatMap((ip) => [
      ...(tls.mode === 'offloaded' ? [] : [{ ip, external: ports.https, internal: innerPorts.edgeHttps }]),
      { ip, external: ports.http, internal: innerPorts.edgeHttp },
    ]);
    this.server = new ManagedContainer(`${name}-server`, {
      stack: args.stack,
      role: 'edge',
      image: args.image,
      files: { config: args.config, secrets: args.secrets },
      // Not the image's entry point: it writes into /etc/nginx.
      entrypoint: [edgeCommand[0]],
      command: edgeCommand.slice(1),
      mounts: [{ source: args.markers, target: paths.markers }, ...(tls.mode === 'files' ? [{ source: tls.directory, target: paths.tls }] : [])],
      scratch: ['/tmp'],
      networks: [
        { network: args.networks.name.public, aliases: [] },
        { network: args.networks.name.backend, aliases: [aliases.edge] },
        { network: args.networks.name.apps, aliases: [aliases.edge, ...publicNames] },
      ],
      ports: publications,
      memory: 1024,
      stopSignal: 'SIGQUIT',
      grace: 10,
      startedBy: 'engine',
    }, { parent: this });
    this.registerOutputs({});
  }
}
