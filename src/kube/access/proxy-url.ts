/** What is said of a text that is none. */
export const NO_PROXY_URL = 'must be a URL such as http://host:3128: other kinds of proxy are not supported';

/** The URL of a proxy that we can go by; undefined for anything else. */
export function proxyUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined;
}
