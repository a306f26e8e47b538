import { ApiError, type Api, type HistoryEntry } from './api';
import type { Pages } from './pages.svelte';
import { backoff, wait } from './retry';
import { haptics, hasPayments, openInvoice, openTelegramLink } from './telegram';

/**
 * `invoice`: it is being made, or lies open. `awaited`: paid, as the client says, but not on the balance yet; then
 * `late` or `arrived`. `elsewhere`: this client can't show it, so it opened in Telegram. `declined`: by Telegram.
 */
type Stage = 'invoice' | 'awaited' | 'late' | 'elsewhere' | 'declined' | 'arrived';

/** With growing waits between them: a minute in all. */
const ASKS = 9;

interface Account {
  readonly api: Api;
  readonly history: Pages<HistoryEntry>;
  refresh: () => Promise<void>;
}

/**
 * From a pack to its stars. What the client says of a payment is a hint: the stars are there when the history has
 * them. Until then nothing else can be bought, or somebody who sees no stars would pay twice.
 */
export class Buying {
  stage = $state<Stage | null>(null);
  /** That of the pack. */
  price = $state(0);
  /** How many arrived. */
  stars = $state(0);
  error = $state.raw<unknown>(null);
  /** What opens the invoice, behind t.me/. */
  path = '';
  readonly isExpecting = $derived.by(
    () => this.stage === 'awaited' || this.stage === 'late' || this.stage === 'elsewhere',
  );
  readonly busy = $derived.by(() => this.stage === 'invoice' || this.stage === 'awaited');

  readonly #account: Account;
  /** The newest row of the history when the invoice was made. */
  #before = 0;
  /** One at a time: an older answer must not come after a newer one. */
  #looking: Promise<void> | null = null;

  constructor(account: Account) {
    this.#account = account;
  }

  async buy(price: number): Promise<void> {
    if (this.busy) return;
    haptics.tap();
    this.price = price;
    this.stage = 'invoice';
    this.error = null;
    this.path = '';
    const { api } = this.#account;
    try {
      const [{ link }, { history }] = await Promise.all([api.invoice(price), api.account()]);
      this.#before = history[0]?.id ?? 0;
      this.path = link.replace('https://t.me/', '');
    } catch (failure) {
      await this.#fail(failure);
      return;
    }
    await this.#pay();
  }

  /** Lets the client show the invoice, again where it opened elsewhere before. */
  show(): void {
    openTelegramLink(this.path);
  }

  async #pay(): Promise<void> {
    if (!hasPayments()) {
      this.show();
      await this.#expect('elsewhere');
      return;
    }
    const { path } = this;
    const status = await openInvoice(path);
    // Another one lies open meanwhile.
    if (path !== this.path) return;
    if (status === 'paid' || status === 'pending') await this.#expect('awaited');
    else this.stage = status === 'cancelled' ? null : 'declined';
  }

  async askAgain(): Promise<void> {
    await this.#expect('awaited');
  }

  async #expect(stage: 'awaited' | 'elsewhere'): Promise<void> {
    this.stage = stage;
    for (let asked = 1; asked <= ASKS; asked += 1) {
      await this.look();
      if (this.stage !== stage) return;
      await wait(backoff(asked, null));
      if (this.stage !== stage) return;
    }
    if (stage === 'awaited') this.stage = 'late';
  }

  /** Whether stars that were paid for have come by now. */
  async look(): Promise<void> {
    // Some clients never say how the invoice was closed: whoever comes back can go on all the same.
    const isOpen = this.stage === 'invoice' && this.path !== '';
    if (!this.isExpecting && !isOpen) return;
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { history } = this.#account;
    const wasOpen = this.stage === 'invoice';
    await history.load();
    const entry = history.items.find(({ id, kind }) => kind === 'purchase' && id > this.#before);
    if (wasOpen && this.stage === 'invoice') this.stage = null;
    else if (!this.isExpecting) return;
    if (!entry) return;
    this.stars = entry.amount;
    this.stage = 'arrived';
    haptics.success();
  }

  /** What is over needn't be said any longer. */
  forget(): void {
    if (this.stage === 'arrived' || this.stage === 'declined') this.stage = null;
    this.error = null;
  }

  async #fail(failure: unknown): Promise<void> {
    this.stage = null;
    this.error = failure;
    haptics.error();
    // Today's packs may be others.
    if (failure instanceof ApiError && !failure.transient) await this.#account.refresh();
  }
}
