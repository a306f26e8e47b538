/**
 * What a Mini App keeps with its Telegram client, per person: CloudStorage through custom methods
 * (https://core.telegram.org/bots/webapps#cloudstorage) and DeviceStorage. Here both live in this browser.
 */

const MOST_KEYS = 1024;
const LONGEST_VALUE = 4096;
const KEY = /^[A-Za-z0-9_-]{1,128}$/;

/** A named set of strings in localStorage. */
class Shelf {
  #name;

  /** @param {string} name */
  constructor(name) {
    this.#name = name;
  }

  /** @returns {Record<string, string>} */
  read() {
    return JSON.parse(localStorage.getItem(this.#name) ?? '{}');
  }

  /** @param {Record<string, string>} values */
  write(values) {
    localStorage.setItem(this.#name, JSON.stringify(values));
  }
}

/**
 * Answers CloudStorage's custom methods.
 * @param {string} owner whose storage it is: bot and person
 * @param {string} method
 * @param {any} params
 * @returns {unknown} the result
 * @throws {Error} with Telegram's code as its message
 */
export function invokeCloudStorage(owner, method, params) {
  const shelf = new Shelf(`cloud:${owner}`);
  const values = shelf.read();
  switch (method) {
    case 'getStorageKeys':
      return Object.keys(values);
    case 'getStorageValues':
      return Object.fromEntries([params?.keys].flat().map((key) => [checkKey(key), values[key] ?? '']));
    case 'deleteStorageValues':
      for (const key of [params?.keys].flat()) delete values[checkKey(key)];
      break;
    case 'saveStorageValue':
      values[checkKey(params?.key)] = checkValue(params?.value);
      if (Object.keys(values).length > MOST_KEYS) throw new Error('QUOTA_EXCEEDED');
      break;
    default:
      throw new Error('METHOD_INVALID');
  }
  shelf.write(values);
  return true;
}

/** @param {unknown} key */
function checkKey(key) {
  if (typeof key !== 'string' || !KEY.test(key)) throw new Error('KEY_INVALID');
  return key;
}

/** @param {unknown} value */
function checkValue(value) {
  if (typeof value !== 'string' || value.length > LONGEST_VALUE) throw new Error('VALUE_INVALID');
  return value;
}

/**
 * Answers DeviceStorage's methods.
 * @param {string} owner
 * @param {string} method `web_app_device_storage_…`
 * @param {any} data
 * @returns {[event: string, data: object]} what to send back
 */
export function useDeviceStorage(owner, method, data) {
  const shelf = new Shelf(`device:${owner}`);
  const values = shelf.read();
  const id = { req_id: data?.req_id };
  switch (method) {
    case 'web_app_device_storage_get_key':
      return ['device_storage_key_received', { ...id, value: values[data?.key] ?? null }];
    case 'web_app_device_storage_clear':
      shelf.write({});
      return ['device_storage_cleared', id];
    default:
      if (typeof data?.value === 'string') values[data.key] = data.value;
      else delete values[data?.key];
      shelf.write(values);
      return ['device_storage_key_saved', id];
  }
}
