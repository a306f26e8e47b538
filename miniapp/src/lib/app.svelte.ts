import { createContext } from 'svelte';
import {
  Api,
  ApiError,
  type HistoryEntry,
  type Invitation,
  type Photo,
  type Session,
  type TrainingStart,
  type Upload,
} from './api';
import { Buying } from './buying.svelte';
import { Form } from './form.svelte';
import { type Language, setLanguage } from './i18n/i18n.svelte';
import { Models } from './models.svelte';
import { Pages } from './pages.svelte';
import { Photos } from './photos.svelte';
import { starsMissing } from './price';
import { persist } from './retry';
import type { Router } from './router.svelte';
import { Trainings } from './trainings.svelte';

/** A start as the person meant it: kept through retries, so that none of them is a second training. */
interface Intent {
  meant: string;
  key: string;
  /** What it is made of, once that is packed. */
  packed: Upload | null;
}

/** One that is ready to be sent, or has been: whatever was heard of it, it may have started. */
interface Order {
  key: string;
  body: TrainingStart;
  photoIds: readonly string[];
}

export type TrainingChoice = Omit<TrainingStart, 'images_data_url'>;

const START_ATTEMPTS = 6;

/** What is known once the session is open; every screen works on it. */
export class App {
  session: Session;
  /** What stars are needed for, as far as we know: what was set up last. */
  making = $state<'train' | 'create'>('train');
  /** What inviting brings; null where it brings nothing, or isn't known yet. */
  invitation = $state.raw<Invitation | null>(null);
  /** What is written in a request for help, until it is sent. */
  help = $state('');
  readonly photos: Photos;
  readonly form: Form;
  readonly list: Trainings;
  readonly models: Models;
  readonly history: Pages<HistoryEntry>;
  readonly buying: Buying;
  /** Why the last start failed: for whoever was elsewhere then, too. */
  startError = $state.raw<unknown>(null);
  #intent: Intent | null = null;
  #order = $state.raw<Order | null>(null);
  /** One after the other: an older choice must not come after a newer one. */
  #speaking: Promise<unknown> = Promise.resolve();
  #start = $state.raw<Promise<string> | null>(null);

  constructor(
    readonly api: Api,
    readonly router: Router,
    session: Session,
  ) {
    this.session = $state.raw(session);
    this.photos = new Photos(api, session.limits);
    this.form = new Form(session);
    this.list = new Trainings(api, session.trainings);
    this.models = new Models(api);
    this.history = new Pages<HistoryEntry>(
      async (cursor) => {
        const { balance, debt, history, nextCursor, invitation } = await api.account(cursor);
        this.session = { ...this.session, balance, debt };
        this.invitation = invitation;
        return { items: history, nextCursor };
      },
      ({ id }) => id,
    );
    this.buying = new Buying(this);
  }

  /** Stars that have to come before the training, as it is set up, can be paid: those of a debt go first. */
  get missing(): number {
    return starsMissing(this.form.price, this.session);
  }

  /** Balance and running trainings anew. They were right a moment ago: a failure may wait for the next time. */
  async refresh(): Promise<void> {
    try {
      this.session = await this.api.session();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /** From now on the app and the chat speak `language`. */
  async speak(language: Language): Promise<void> {
    const before = this.#speaking;
    const speaking = before.then(async () => {
      const user = await persist(() => this.api.speak(language));
      this.session = { ...this.session, user };
      await setLanguage(user.language);
    });
    this.#speaking = speaking.catch(() => undefined);
    await speaking;
  }

  /** Answers the stars that a promo code has brought. */
  async redeem(code: string): Promise<number> {
    // The stars may be there, although the answer got lost.
    const { stars, balance } = await this.api.redeem(code).finally(() => void this.history.load());
    this.session = { ...this.session, balance };
    return stars;
  }

  /** Whether a training is being started, whichever screen is seen meanwhile. */
  get starting(): boolean {
    return this.#start !== null;
  }

  /** Whether one was sent of which nothing was heard: it may run, and be paid. Only asking again tells. */
  get isUnsure(): boolean {
    return this.#order !== null && !this.starting;
  }

  /**
   * Answers the id of the model that comes of it, by which the training is asked for, too. One start at a time: who
   * asks again while it is under way is given the same one.
   */
  startTraining(): Promise<string> {
    this.startError = null;
    return (this.#start ??= this.#startOne().finally(() => (this.#start = null)));
  }

  async #startOne(): Promise<string> {
    const choice = this.form.choice();
    try {
      const { key, body, photoIds } = (this.#order ??= await this.#prepare(choice));
      const { id } = await persist(() => this.api.start(body, key), START_ATTEMPTS);
      this.#intent = this.#order = null;
      this.form.clear(body.trigger_word);
      this.photos.clear(photoIds);
      await Promise.all([this.refresh(), this.photos.load(), this.list.load()]);
      return id;
    } catch (error) {
      this.startError = error;
      // A clear no ends it; without any answer the same one is asked again.
      if (error instanceof ApiError && !error.transient) {
        this.#intent = this.#order = null;
        await this.#learn(error, choice);
      }
      throw error;
    }
  }

  async #prepare(choice: TrainingChoice): Promise<Order> {
    await this.photos.settle();
    const meant = JSON.stringify([choice, this.photos.present.map(({ id, caption }) => [id, caption])]);
    if (this.#intent?.meant !== meant) this.#intent = { meant, key: crypto.randomUUID(), packed: null };
    const intent = this.#intent;
    const { images_data_url, photoIds } = (intent.packed ??= await persist(() => this.api.packDraft()));
    // They may have changed here, in the chat or in another window: nobody trains on what they haven't seen.
    await this.photos.settle();
    if (!isSame(photoIds, this.photos.present)) throw new ApiError(409, 'draft_changed');
    return { key: intent.key, body: { ...choice, images_data_url }, photoIds };
  }

  /** What the server knows better: of stars and words the form says it itself from now on. */
  async #learn({ status, fields }: ApiError, { trigger_word }: TrainingChoice): Promise<void> {
    if (status === 402) {
      await this.refresh();
      this.startError = null;
    } else if (fields.some(({ field }) => field === 'trigger_word')) {
      this.form.refusedTrigger = trigger_word;
      this.startError = null;
    } else {
      await this.photos.load();
    }
  }
}

const isSame = (ids: readonly string[], photos: readonly Photo[]): boolean =>
  ids.length === photos.length && photos.every(({ id }) => ids.includes(id));

export const [getApp, setApp] = createContext<App>();
