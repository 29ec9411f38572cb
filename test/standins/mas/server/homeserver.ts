import { CommandError } from '../cli/errors.ts';

/** Synapse refused or could not be reached. The shared secret never appears in it. */
export class HomeserverError extends CommandError {
  readonly errcode: string | undefined;

  constructor(message: string, errcode?: string, cause?: unknown) {
    super(message, { cause });
    this.errcode = errcode;
  }
}

/** Calls to Synapse's `/_synapse/mas/*` with the shared secret (crates/matrix-synapse/src/modern.rs). */
export class Homeserver {
  readonly name: string;
  readonly #endpoint: URL;
  readonly #secret: string;
  readonly #readOnly: boolean;

  constructor(name: string, endpoint: URL, secret: string, readOnly: boolean) {
    this.name = name;
    this.#endpoint = endpoint;
    this.#secret = secret;
    this.#readOnly = readOnly;
  }

  /** True for the token Synapse itself presents. */
  isSharedSecret(token: string): boolean {
    return token === this.#secret;
  }

  /** The full user id. */
  mxid(localpart: string): string {
    return `@${localpart}:${this.name}`;
  }

  /** The localpart of a full id of this server; undefined for anything else, an id of another server included. */
  localpart(user: string): string | undefined {
    const parts = /^@([^:]+):(.+)$/.exec(user);
    return parts !== null && parts[2] === this.name ? parts[1] : undefined;
  }

  async #call(what: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
    let response: Response;
    try {
      response = await fetch(new URL(`_synapse/mas/${path}`, this.#endpoint), {
        method: body === undefined ? 'GET' : 'POST', signal: AbortSignal.timeout(60_000),
        headers: { authorization: `Bearer ${this.#secret}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      throw new HomeserverError(`Failed to ${what} Synapse`, undefined, error);
    }
    const text = await response.text();
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      answer = undefined;
    }
    if (!response.ok) {
      const errcode = typeof answer === 'object' && answer !== null && 'errcode' in answer ? String(answer.errcode) : undefined;
      throw new HomeserverError(`Unexpected HTTP response (${String(response.status)} ${errcode ?? ''}) while trying to ${what} Synapse`, errcode);
    }
    return { status: response.status, body: answer };
  }

  async #write(what: string, path: string, body: object): Promise<number> {
    if (this.#readOnly) throw new HomeserverError(`${path} is not supported in read-only mode`);
    return (await this.#call(what, path, body)).status;
  }

  async queryUser(localpart: string): Promise<{ displayname?: string; deactivated: boolean }> {
    const { body } = await this.#call('query user from', `query_user?localpart=${encodeURIComponent(localpart)}`);
    const user = (typeof body === 'object' && body !== null ? body : {}) as { display_name?: string; is_deactivated?: boolean };
    return { displayname: user.display_name, deactivated: user.is_deactivated === true };
  }

  async isLocalpartAvailable(localpart: string): Promise<boolean> {
    // eslint-disable-next-line no-control-regex -- MAS refuses what is not ASCII before it asks.
    if (!/^[\x00-\x7f]*$/.test(localpart)) return false;
    try {
      await this.#call('check localpart availability from', `is_localpart_available?localpart=${encodeURIComponent(localpart)}`);
      return true;
    } catch (error) {
      if (error instanceof HomeserverError && ['M_INVALID_USERNAME', 'M_USER_IN_USE', 'M_EXCLUSIVE'].includes(error.errcode ?? '')) return false;
      throw error;
    }
  }

  /** True when Synapse made the user, false when it was there. */
  async provisionUser(user: { localpart: string; locked: boolean; emails?: readonly string[]; displayname?: string }): Promise<boolean> {
    return await this.#write('provision user in', 'provision_user', {
      localpart: user.localpart, ...(user.displayname === undefined ? {} : { set_displayname: user.displayname }),
      ...(user.emails === undefined ? {} : { set_emails: user.emails }), locked: user.locked,
    }) === 201;
  }

  async upsertDevice(localpart: string, deviceId: string, displayName: string | undefined): Promise<void> {
    await this.#write('create device in', 'upsert_device', { localpart, device_id: deviceId, ...(displayName === undefined ? {} : { display_name: displayName }) });
  }

  /** Makes Synapse's devices equal to this list: missing ones are made, others DELETED. */
  async syncDevices(localpart: string, devices: readonly string[]): Promise<void> {
    await this.#write('sync devices in', 'sync_devices', { localpart, devices });
  }

  async deleteUser(localpart: string, erase: boolean): Promise<void> {
    await this.#write('delete user in', 'delete_user', { localpart, erase });
  }

  async reactivateUser(localpart: string): Promise<void> {
    await this.#write('reactivate user in', 'reactivate_user', { localpart });
  }

  async allowCrossSigningReset(localpart: string): Promise<void> {
    await this.#write('allow cross-signing reset in', 'allow_cross_signing_reset', { localpart });
  }
}
