import { type Api, ApiError, type Photo } from './api';
import { persist } from './retry';

interface Caption {
  text: string;
  /** Why it couldn't be saved. */
  error: unknown;
}

/** What people write about their photos. It stays here until the server has it, whatever is closed meanwhile. */
export class Captions {
  /** By the photo's id. */
  #written = $state.raw<Readonly<Record<string, Caption>>>({});
  readonly #saves: Record<string, Promise<void> | undefined> = {};
  readonly unsaved = $derived.by(() => Object.keys(this.#written).length > 0);

  readonly #api: Pick<Api, 'editPhoto'>;
  readonly #onSaved: (photo: Photo) => void;
  readonly #onGone: () => void;

  /** `onGone`: a photo is no longer in the draft, such as one that was removed in another window. */
  constructor(api: Pick<Api, 'editPhoto'>, onSaved: (photo: Photo) => void, onGone: () => void) {
    this.#api = api;
    this.#onSaved = onSaved;
    this.#onGone = onGone;
  }

  textOf({ id, caption }: Photo): string {
    return this.#written[id]?.text ?? caption ?? '';
  }

  errorOf({ id }: Photo): unknown {
    return this.#written[id]?.error ?? null;
  }

  write({ id }: Photo, text: string): void {
    this.#put(id, { text, error: null });
  }

  /** Sends what was written, and what is still being written while it travels. A failure is kept beside it. */
  save(photo: Photo): Promise<void> {
    return (this.#saves[photo.id] ??= this.#save(photo).finally(() => (this.#saves[photo.id] = undefined)));
  }

  /** Throws what stands in the way. */
  async saveAll(photos: readonly Photo[]): Promise<void> {
    for (const photo of photos) {
      await this.save(photo);
      const error = this.errorOf(photo);
      if (error) throw error as Error;
    }
  }

  /** Nobody can write about photos that are gone. */
  keepOnly(photos: readonly Photo[]): void {
    const ids = photos.map((photo) => photo.id);
    this.#keep((id) => ids.includes(id));
  }

  #put(id: string, caption: Caption): void {
    this.#written = { ...this.#written, [id]: caption };
  }

  async #save(photo: Photo): Promise<void> {
    let saved = photo.caption;
    try {
      for (;;) {
        const caption = this.#written[photo.id];
        if (!caption) return;
        const text = caption.text.trim() || null;
        if (text === saved) break;
        this.#put(photo.id, { ...caption, error: null });
        this.#onSaved(await persist(() => this.#api.editPhoto(photo.id, text)));
        saved = text;
      }
      this.#keep((id) => id !== photo.id);
    } catch (error) {
      const left = this.#written[photo.id];
      if (left) this.#put(photo.id, { ...left, error });
      if (error instanceof ApiError && error.status === 404) this.#onGone();
    }
  }

  #keep(isKept: (id: string) => boolean): void {
    this.#written = Object.fromEntries(Object.entries(this.#written).filter(([id]) => isKept(id)));
  }
}
