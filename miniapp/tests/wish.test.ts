// @vitest-environment happy-dom
import { beforeEach, expect, test } from 'vitest';
import { ApiError, type Generation, type Model, type Session } from '../src/lib/api';
import type { Models } from '../src/lib/models.svelte';
import { Wish } from '../src/lib/wish.svelte';

const painter = {
  kind: 'flux-lora',
  defaultSteps: 28,
  minSteps: 1,
  maxSteps: 50,
  defaultGuidance: 3.5,
  minGuidance: 1,
  maxGuidance: 35,
  maxModels: 2,
  maxPictures: 4,
  priceFactor: 1,
};
const flux2 = {
  ...painter,
  kind: 'flux-2',
  minSteps: 4,
  defaultGuidance: 2.5,
  maxGuidance: 20,
  priceFactor: 1.5,
};
const session = {
  user: { id: 1 },
  trainers: [
    { id: 'flux', title: 'FLUX.1', painter },
    { id: 'flux-2', title: 'FLUX.2', painter: flux2 },
  ],
  aspects: ['1:1', '16:9'],
  prices: { starsPerPicture: 3 },
  limits: { promptMax: 20, seedMax: 1000, scaleMax: 2 },
} as unknown as Session;
const model = (id: string, trainer = 'flux') => ({ id, name: id, trainer }) as Model;
const [ana, beto, carla] = [model('ana'), model('beto'), model('carla', 'flux-2')];

/** The lists as they were read. */
function modelsOf(own: Model[], selected: Model[] = []): Models {
  const find = (id: string) => [...own, ...selected].find((one) => one.id === id) ?? null;
  const lists = { own: { items: own, loaded: true }, selected: { items: selected, loaded: true } };
  return { ...lists, find, forget: () => undefined } as unknown as Models;
}
const gone = { model: () => Promise.reject(new ApiError(404, 'model_not_found')) };
const wishOf = (own: Model[], selected?: Model[], api: { model: (id: string) => Promise<Model> } = gone) =>
  new Wish(api, modelsOf(own, selected), session);
const names = (wish: Wish) => wish.used.map((used) => `${used.model.id} ${used.scale}`);

beforeEach(() => localStorage.clear());

test('what stands in the way is told one by one, the first thing first', () => {
  const wish = wishOf([ana, beto, carla]);
  const told = () => wish.obstacle(9);
  expect(told()).toBe('prompt');
  wish.prompt = ' \n ';
  expect(told()).toBe('prompt');
  wish.prompt = '😀'.repeat(21);
  expect(told()).toBe('long');
  wish.prompt = `${'😀'.repeat(20)}   `;
  expect(told()).toBe('models');
  wish.toggle(ana);
  wish.toggle(carla);
  expect(told()).toBe('mixed');
  expect(wish.kinds).toEqual(['FLUX.1', 'FLUX.2']);
  wish.toggle(ana);
  wish.steps = 3;
  expect(told()).toBe('steps');
  wish.steps = 4;
  for (const guidance of [21, 0.5, null]) {
    wish.guidance = guidance;
    expect(told()).toBe('guidance');
  }
  wish.guidance = 20;
  for (const seed of [NaN, 1001]) {
    wish.seed = seed;
    expect(told()).toBe('seed');
  }
  wish.seed = 1000;
  expect(told()).toBeNull();
  expect(wish.price).toBe(5);
  wish.count = 2;
  expect([wish.price, told()]).toEqual([10, 'stars']);
});

test('too many models for the base model', () => {
  const wish = wishOf([ana, beto, model('dora')], [ana, beto, model('dora')]);
  wish.prompt = 'us';
  expect(wish.obstacle(9)).toBe('many');
});

test('a prompt is for the selected models, or for the only one', () => {
  expect(names(wishOf([ana]))).toEqual(['ana 1']);
  expect(names(wishOf([ana, beto]))).toEqual([]);
  expect(names(wishOf([ana, beto], [beto]))).toEqual(['beto 1']);
});

test('what is picked here holds until another selection is made', async () => {
  const wish = wishOf([ana, beto], [ana]);
  wish.toggle(beto);
  wish.rescale(beto, 0.5);
  expect(names(wish)).toEqual(['ana 1', 'beto 0.5']);
  await expect.poll(() => localStorage.getItem('selfi.wish.1')).toContain('beto');
  expect(names(wishOf([ana, beto], [ana]))).toEqual(['ana 1', 'beto 0.5']);
  expect(names(wishOf([ana, beto], [beto]))).toEqual(['beto 1']);
});

test('the person’s own settings, then the saved ones, then the base model’s', () => {
  const wish = wishOf([carla]);
  const { aspect, steps, guidance, seed, count } = wish.order();
  expect([aspect, steps, guidance, seed, count]).toEqual(['1:1', 28, 2.5, null, 1]);
  wish.remember({ aspect: '16:9', steps: 40, guidance: null, seed: 7, count: 3, scale: 0.7 });
  expect(wish.order()).toEqual({
    prompt: '',
    models: [{ id: 'carla', scale: 0.7 }],
    aspect: '16:9',
    steps: 40,
    guidance: 2.5,
    seed: 7,
    count: 3,
  });
  wish.seed = null;
  wish.count = 4;
  expect([wish.order().seed, wish.order().count]).toEqual([null, 4]);
  wish.reset();
  expect([wish.order().seed, wish.order().count]).toEqual([7, 3]);
});

test('what is saved leaves to the base model what it has anyway', () => {
  const wish = wishOf([ana]);
  expect(wish.isUnusual).toBe(false);
  wish.aspect = '16:9';
  wish.rescale(ana, 1.2);
  expect(wish.isUnusual).toBe(true);
  expect(wish.settings).toEqual({
    aspect: '16:9',
    steps: null,
    guidance: null,
    seed: null,
    count: 1,
    scale: 1.2,
  });
  wish.remember(wish.settings);
  expect(wish.isUnusual).toBe(false);
});

test('a field’s problem is told for as long as it stays as it was', () => {
  const wish = wishOf([ana]);
  wish.prompt = 'a rude word';
  const fields = [{ field: 'prompt', message: 'Not here.', code: null }];
  expect(wish.refuse(new ApiError(422, 'word_refused', '', fields))).toBe(true);
  expect([wish.problemOf('prompt'), wish.problemOf('seed')]).toEqual(['Not here.', null]);
  wish.prompt = 'a kind word';
  expect(wish.problemOf('prompt')).toBeNull();
  expect(wish.refuse(new ApiError(503, 'busy'))).toBe(false);
});

const made = {
  prompt: 'as before',
  models: [
    { id: 'ana', name: 'Ana', triggerWord: 'ana', scale: 0.8 },
    { id: null, name: 'Gone', triggerWord: 'gone', scale: 1 },
  ],
  aspect: '16:9',
  steps: 30,
  guidance: 5,
  seed: 42,
  count: 2,
} as Generation;

test('filled from pictures, with or without their seed, without what is gone', () => {
  const wish = wishOf([ana, beto]);
  wish.fill(made);
  expect(wish.order()).toEqual({
    prompt: 'as before',
    models: [{ id: 'ana', scale: 0.8 }],
    aspect: '16:9',
    steps: 30,
    guidance: 5,
    seed: 42,
    count: 2,
  });
  expect(wish.lost).toBe(true);
  wish.fill(made, false);
  expect(wish.order().seed).toBeNull();
});

test('models that are in no list are looked up, and those that are gone left out', async () => {
  const api = { model: (id: string) => (id === 'beto' ? Promise.resolve(beto) : gone.model()) };
  const wish = wishOf([], [], api);
  wish.use([
    { id: 'beto', scale: 2 },
    { id: 'nobody', scale: 1 },
  ]);
  expect(names(wish)).toEqual([]);
  await wish.lookUp();
  expect(names(wish)).toEqual(['beto 2']);
  expect(wish.lost).toBe(true);
});

test.each(['', 'null', '{', '[]', '{"prompt":7,"own":{"steps":"x","count":-1},"picked":{"models":[{}, 4]}}'])(
  'a draft of %s is none',
  (text) => {
    localStorage.setItem('selfi.wish.1', text);
    const wish = wishOf([ana]);
    expect([wish.prompt, wish.count, wish.steps, names(wish)]).toEqual(['', 1, 28, ['ana 1']]);
  },
);

test('what is picked before the lists are there isn’t older than the selection in them', () => {
  const models = modelsOf([ana, beto], [ana]);
  models.own.loaded = models.selected.loaded = false;
  const wish = new Wish(gone, models, session);
  wish.useOnly(carla);
  models.own.loaded = models.selected.loaded = true;
  expect(names(wish)).toEqual(['carla 1']);
});

test('nothing takes the place of what is gone', async () => {
  const models = modelsOf([ana, beto], [ana]);
  const wish = new Wish(gone, models, session);
  expect(names(wish)).toEqual(['ana 1']);
  await wish.reconsider();
  expect(names(wish)).toEqual([]);
  expect(wish.lost).toBe(true);
});
