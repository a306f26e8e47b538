import { type Api, ApiError, type Limits, type Photo } from './api';
import { Captions } from './captions.svelte';
import { prepare, refusal } from './image';
import { persist, wait } from './retry';
import { type Upload, Uploads } from './uploads.svelte';
import { t } from './i18n/i18n.svelte';
import { errorText, verdictWords, type Words } from './words';

/** A photo as the grid shows it: one of the draft, or on its way there; a sent one keeps its place and picture. */
export interface Tile {
  key: string;
  name: string;
  src: string;
  photo: Photo | null;
  upload: Upload | null;
}

/** The person's draft: what the server holds, from here and from the chat, and what is on its way to it. */
export class Photos {
  readonly uploads: Uploads;
  readonly captions: Captions;
  #kept = $state.raw<Photo[]>([]);
  /** Names of those chosen last that were over the limit. */
  leftOut = $state.raw<string[]>([]);
  loaded = $state(false);
  error = $state.raw<unknown>(null);

  readonly #api: Api;
  readonly limits: Limits;

  /** Ids that the server accepted. */
  readonly #sent = $derived.by(() => this.uploads.items.map((item) => item.photo?.id));

  readonly tiles: Tile[] = $derived.by(() => [
    ...this.#kept.filter((photo) => !this.#sent.includes(photo.id)).map(tileOfPhoto),
    ...this.uploads.items.map(tileOfUpload),
  ]);

  /** Those that a training would be made of. */
  readonly #present = $derived.by(() => this.tiles.flatMap((tile) => tile.photo ?? []));
  readonly count = $derived.by(() => this.#present.length);
  readonly room = $derived.by(() => Math.max(0, this.limits.photosMax - this.count - this.uploads.active));
  readonly refused = $derived.by(() => this.uploads.items.filter((item) => item.state === 'refused'));
  readonly failed = $derived.by(() => this.uploads.items.filter((item) => item.state === 'failed'));
  /** Whether something would be lost with the page. */
  readonly unsaved = $derived.by(() => this.uploads.active > 0 || this.captions.unsaved);

  constructor(api: Api, limits: Limits) {
    this.#api = api;
    this.limits = limits;
    this.uploads = new Uploads({
      prepare: (file) => prepare(file, limits),
      post: (file, onProgress, signal) => api.addPhoto(file, onProgress, signal),
      find: (name) => this.#findNew(name),
      wait,
    });
    this.captions = new Captions(api, (photo) => this.#replace(photo));
  }

  /** Photos may have come from the chat, or gone with a training, while nobody looked here. */
  async load(): Promise<void> {
    const sent = this.uploads.items.filter((item) => item.photo);
    try {
      const { photos } = await persist(() => this.#api.draft());
      for (const item of sent) {
        if (!photos.some((photo) => photo.id === item.photo?.id)) this.uploads.remove(item);
      }
      this.#kept = photos;
      this.captions.keepOnly(this.#present);
      this.error = null;
      this.loaded = true;
    } catch (error) {
      this.error = error;
    }
  }

  add(files: readonly File[]): void {
    // What is refused at once takes nobody's place.
    const left = files.filter((file) => !refusal(file)).slice(this.room);
    this.leftOut = left.map((file) => file.name);
    this.uploads.add(files.filter((file) => !left.includes(file)));
  }

  async remove(tile: Tile): Promise<void> {
    if (tile.photo) await this.#removeKept(tile.photo.id);
    if (tile.upload) this.uploads.remove(tile.upload);
    this.captions.keepOnly(this.#present);
    this.leftOut = [];
  }

  /** Empties the grid when the draft has become a training. */
  clear(): void {
    this.uploads.clear();
    this.leftOut = [];
  }

  removeRefused(): void {
    for (const upload of this.refused) this.uploads.remove(upload);
  }

  retryFailed(): void {
    for (const upload of this.failed) this.uploads.retry(upload);
  }

  saveCaption(tile: Tile): void {
    if (tile.photo) void this.captions.save(tile.photo);
  }

  /** Before a training is made of them. */
  async saveCaptions(): Promise<void> {
    await this.captions.saveAll(this.#present);
  }

  /** One that wasn't there before, and that no upload here calls its own. */
  async #findNew(name: string): Promise<Photo | null> {
    const known = [...this.#kept.map((photo) => photo.id), ...this.#sent];
    const { photos } = await persist(() => this.#api.draft());
    return photos.find((photo) => photo.fileName === name && !known.includes(photo.id)) ?? null;
  }

  async #removeKept(id: string): Promise<void> {
    try {
      await persist(() => this.#api.removePhoto(id));
    } catch (error) {
      // Gone already is what we wanted.
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
    this.#kept = this.#kept.filter((photo) => photo.id !== id);
  }

  #replace(photo: Photo): void {
    this.#kept = this.#kept.map((kept) => (kept.id === photo.id ? photo : kept));
    for (const item of this.uploads.items) if (item.photo?.id === photo.id) item.photo = photo;
  }
}

function tileOfPhoto(photo: Photo): Tile {
  return { key: photo.id, name: photo.fileName, src: photo.thumbnail, photo, upload: null };
}

function tileOfUpload(upload: Upload): Tile {
  const { key, file, photo, preview } = upload;
  // What the browser couldn't show by itself (HEIC), the server's thumbnail can.
  return { key, name: file.name, src: preview, photo, upload };
}

export interface TileState extends Words {
  kind: 'ok' | 'warning' | 'bad' | 'failed' | 'busy';
}

/** The honest state of a photo, in words. */
export function tileState({ photo, upload }: Tile, limits: Limits): TileState {
  if (photo) return { kind: kinds[photo.verdict], ...verdictWords(photo, limits) };
  const error = upload?.error ?? null;
  switch (upload?.state) {
    case 'refused':
      return {
        kind: 'bad',
        ...verdictWords(
          { verdict: 'refused', code: error?.code ?? null, reason: error?.message ?? null },
          limits,
        ),
      };
    case 'failed':
      return { kind: 'failed', label: t('upload.failed'), reason: errorText(error) };
    case 'sending':
      return { kind: 'busy', label: t('upload.sending'), reason: '' };
    case 'retrying':
      return { kind: 'busy', label: t('upload.retrying'), reason: t('error.network') };
    default:
      return { kind: 'busy', label: t('upload.waiting'), reason: '' };
  }
}

const kinds = { ok: 'ok', warning: 'warning', refused: 'bad' } as const;
