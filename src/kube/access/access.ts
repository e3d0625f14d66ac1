/** What we show the server, all PEM or plain text. */
export interface Identity {
  /** Certificates that may sign the server's; absent: the system's. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly token?: string | undefined;
}

/** How to reach one API server and prove who we are; made by find-access.ts. */
export interface ClusterAccess {
  /** May have a path, under which the API is served. */
  readonly server: URL;
  /** The name the server's certificate must carry, when it is not the host's. */
  readonly serverName?: string | undefined;
  /** The HTTP proxy that leads to the server. */
  readonly proxy?: URL | undefined;
  /** Sent with every call: whom to act as. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** The server's certificate is not checked. */
  readonly insecure: boolean;
  /** Namespace of the context or of our pod; `default` when neither says. */
  readonly namespace: string;
  /** The identity of this moment: tokens and certificates rotate. Throws Fault. */
  identity(signal: AbortSignal): Promise<Identity>;
  /** The server did not know this identity: the next one must be fetched anew. */
  refused(identity: Identity): void;
}
