// @vitest-environment happy-dom
import { beforeEach, expect, test } from 'vitest';
import type { Session, Trainer } from '../src/lib/api';
import { Form } from '../src/lib/form.svelte';
import type { Photos } from '../src/lib/photos.svelte';

const flux: Trainer = {
  id: 'flux',
  title: 'FLUX',
  defaultSteps: 1000,
  minSteps: 100,
  maxSteps: 10_000,
  stepSize: 100,
  supportsStyle: true,
  supportsMasks: true,
  secondsPer1000Steps: 120,
  priceFactor: 1,
  painter: {
    kind: 'flux-lora',
    defaultSteps: 28,
    minSteps: 1,
    maxSteps: 50,
    defaultGuidance: 3.5,
    minGuidance: 0,
    maxGuidance: 35,
    maxModels: 5,
    maxPictures: 4,
    priceFactor: 1,
  },
};
const portrait: Trainer = {
  ...flux,
  id: 'portrait',
  defaultSteps: 2500,
  minSteps: 500,
  supportsStyle: false,
};

const session = (id = 1) =>
  ({
    user: { id },
    trainers: [flux, portrait],
    prices: { starsPer1000Steps: 150, minimumStars: 30 },
    limits: { triggerWordMax: 64 },
  }) as Session;
const photos = (count: number, { loaded = true, active = 0, failed = 0 } = {}) =>
  ({
    loaded,
    count,
    failed: Array(failed),
    uploads: { active },
    limits: { photosMin: 4 },
  }) as unknown as Photos;
const kept = (id = 1) => localStorage.getItem(`selfi.form.${id}`) ?? '';

beforeEach(() => localStorage.clear());

test('what stands in the way is told one by one, the first thing first', () => {
  const form = new Form(session());
  expect(form.obstacle(photos(0, { loaded: false }), 500)).toBe('loading');
  expect(form.obstacle(photos(3, { active: 1, failed: 1 }), 500)).toBe('uploading');
  expect(form.obstacle(photos(4, { failed: 1 }), 500)).toBe('failed');
  expect(form.obstacle(photos(3), 500)).toBe('photos');
  expect(form.obstacle(photos(4), 500)).toBe('trigger');
  form.trigger = 'TOK';
  form.steps = null;
  expect(form.obstacle(photos(4), 500)).toBe('steps');
  form.steps = 1000;
  expect(form.obstacle(photos(4), 149)).toBe('stars');
  expect(form.obstacle(photos(4), 150)).toBeNull();
});

test('settings outlive the page, for each person apart', async () => {
  const form = new Form(session());
  Object.assign(form, { trigger: 'TOK', kind: 'style', masks: false });
  form.useTrainer(portrait);
  form.steps = 700;
  await expect.poll(() => kept()).toContain('700');
  const next = new Form(session());
  expect(next.choice()).toEqual(form.choice());
  expect([next.trigger, next.kind, next.masks, next.steps, next.trainer.id]).toEqual([
    'TOK',
    'style',
    false,
    700,
    'portrait',
  ]);
  expect(new Form(session(2)).trigger).toBe('');
});

test('the next training needs a word of its own', async () => {
  const form = new Form(session());
  form.trigger = 'TOK';
  await expect.poll(() => kept()).toContain('TOK');
  form.clear('TOK');
  await expect.poll(() => kept()).not.toContain('TOK');
  expect(new Form(session()).trigger).toBe('');
});

test.each([
  ['half of it', '{"trigger":"TO'],
  ['none of it', 'null'],
  ['what isn’t ours', '{"trigger":7,"kind":"x","masks":"yes","steps":"many","trainer":["flux"]}'],
  ['what is no longer offered', '{"trainer":"gone","steps":50}'],
])('%s is remembered as nothing', (_, text) => {
  localStorage.setItem('selfi.form.1', text);
  const { trigger, kind, masks, steps, trainer } = new Form(session());
  expect([trigger, kind, masks, steps, trainer.id]).toEqual(['', 'subject', true, 1000, 'flux']);
});

test('a training’s settings are taken up again', () => {
  const form = new Form(session());
  form.fill({ trigger: 'ANA', kind: 'subject', masks: false, steps: 600, trainer: 'portrait' });
  expect(form.choice()).toEqual({
    trigger_word: 'ANA',
    is_style: false,
    create_masks: false,
    steps: 600,
    trainer: 'portrait',
  });
});

test('one’s own number of steps goes with one through the trainers that take it', () => {
  const form = new Form(session());
  const through = (...trainers: Trainer[]) =>
    trainers.map((trainer) => (form.useTrainer(trainer), form.steps));
  expect(through(portrait, flux)).toEqual([2500, 1000]);
  form.steps = 3000;
  expect(through(portrait, flux)).toEqual([3000, 3000]);
  form.steps = 300;
  expect(through(portrait, flux)).toEqual([2500, 300]);
  form.steps = null;
  expect(through(portrait, flux)).toEqual([2500, 300]);
  form.steps = 1000;
  expect(through(portrait, flux)).toEqual([2500, 1000]);
});

test('a refused trigger word is wrong for as long as it stands there', () => {
  const form = new Form(session());
  form.trigger = 'bad ';
  form.refusedTrigger = 'bad';
  expect(form.triggerProblem).toBe('refused');
  form.trigger = 'good';
  expect(form.triggerProblem).toBeNull();
});

test('a new word that was there before the training had begun stays', () => {
  const form = new Form(session());
  form.trigger = 'NEW';
  form.clear('OLD');
  expect(form.trigger).toBe('NEW');
});
