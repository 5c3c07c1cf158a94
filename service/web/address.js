/** Addresses of cameras as a form takes them: where they lead, and logins that are typed apart from them. */

/** What an address without a port means. @type {Record<string, string>} */
const PORTS = { rtsp: "554", rtsps: "322", http: "80", https: "443" };
const PARTS = /^([a-z]+):\/\/(?:([^/?#]*)@)?([^/?#@]*)/i;

/**
 * Scheme, host and port, by which cameras are told apart; null of what is no network address.
 * @param {string} address
 */
function cameraOf(address) {
  const found = PARTS.exec(address.trim());
  if (found === null) return null;
  const [scheme, host] = [found[1].toLowerCase(), found[3].toLowerCase()];
  return `${scheme}://${/:\d+$/.test(host) ? host : `${host}:${PORTS[scheme] ?? ""}`}`;
}

/**
 * Whether both lead to the same camera, so that a password that is stored for one may be used for the other.
 * @param {string} one
 * @param {string} other
 */
export function sameCamera(one, other) {
  const camera = cameraOf(one);
  return camera !== null && camera === cameraOf(other);
}

/**
 * Whether an address brings a login of its own.
 * @param {string} address
 */
export const hasLogin = (address) => PARTS.exec(address.trim())?.[2] !== undefined;

/**
 * The address with a login in it, as the service takes it; as it is if there is none to put in.
 * @param {string} address
 * @param {string} user
 * @param {string} password
 */
export function withLogin(address, user, password) {
  if ((user === "" && password === "") || cameraOf(address) === null || hasLogin(address)) return address;
  return address.replace("://", `://${encodeURIComponent(user)}:${encodeURIComponent(password)}@`);
}
