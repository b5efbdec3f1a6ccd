/** An address and port that a web server's configuration tells it to listen on. */
export interface ListenDirective {
  /** As it is written there; null for every address. */
  address: string | null
  port: number
}

/** `Listen 80`, `Listen [::]:80 https`; nginx's `listen 80 default_server;`, wherever it stands in its line. */
const LISTEN = /^[^#\n]*?\blisten[ \t]+(?:(\S+):)?([0-9]+)(?=[\s;])/gim
const EVERY_ADDRESS = ['*', '0.0.0.0', '[::]']

export function listenDirectivesIn(text: string): ListenDirective[] {
  return [...text.matchAll(LISTEN)].map(([, address, port]) => ({
    address: address === undefined || EVERY_ADDRESS.includes(address) ? null : address,
    port: Number(port),
  }))
}
