import type { Pack, Prices, Session, Trainer } from './api';

/** Above this many digits, what is left is the error of binary numbers. */
const DIGITS = 6;

/**
 * Whole stars: linear in the steps, times the trainer's factor, rounded up, and never below the minimum. The
 * server reckons in fractions; here the error of binary numbers (3,000 steps at 1.1) is rounded away first.
 */
export function priceOf(steps: number, trainer: Pick<Trainer, 'priceFactor'>, prices: Prices): number {
  const exact = (prices.starsPer1000Steps * steps * trainer.priceFactor) / 1000;
  return Math.max(prices.minimumStars, upward(exact));
}

/** Whole stars for so many pictures: that of one times the base model's factor, rounded up. */
export function picturesPrice(
  count: number,
  { priceFactor }: Pick<Trainer['painter'], 'priceFactor'>,
  { starsPerPicture }: Pick<Prices, 'starsPerPicture'>,
): number {
  return count * upward(starsPerPicture * priceFactor);
}

const upward = (exact: number): number => Math.ceil(Number(exact.toFixed(DIGITS)));

/** Stars that have to come before something of this price can be paid. What is owed is taken of them first. */
export function starsMissing(price: number, { balance, debt }: Pick<Session, 'balance' | 'debt'>): number {
  return price > balance ? price - balance + debt : 0;
}

/** Seconds that a training usually takes. */
export function expectedSeconds(steps: number, trainer: Pick<Trainer, 'secondsPer1000Steps'>): number {
  return (steps * trainer.secondsPer1000Steps) / 1000;
}

/** The smallest pack that brings so many stars; packs go from small to large. */
export function packFor(stars: number, packs: readonly Pack[]): Pack | undefined {
  return packs.find((pack) => pack.stars >= stars);
}
