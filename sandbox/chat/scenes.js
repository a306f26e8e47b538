/** The six places in which the sample photos are taken, each with the pose that suits it. */
/** @import {Pose} from './portrait.js' */

export const WIDTH = 1024;
export const HEIGHT = 1280;

/** @typedef {CanvasRenderingContext2D} Context */
/** @typedef {{name: string, draw: (ctx: Context) => void, pose: Pose}} Scene */

/** @param {Context} ctx @param {[number, string][]} stops @param {number} [top] @param {number} [bottom] */
function wash(ctx, stops, top = 0, bottom = HEIGHT) {
  const gradient = ctx.createLinearGradient(0, top, 0, bottom);
  for (const [at, color] of stops) gradient.addColorStop(at, color);
  ctx.fillStyle = gradient;
  ctx.fillRect(0, top, WIDTH, bottom - top);
}

/** @param {Context} ctx @param {string} path @param {string} fill */
function shape(ctx, path, fill) {
  ctx.fillStyle = fill;
  ctx.fill(new Path2D(path));
}

/** @param {Context} ctx @param {string} fill @param {number} x @param {number} y @param {number} radius */
function disc(ctx, fill, x, y, radius) {
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, Math.PI * 2);
  ctx.fill();
}

/** The same scatter every time, so that a place looks like itself. @param {number} seed */
function scatter(seed) {
  let state = seed;
  return (/** @type {number} */ from, /** @type {number} */ to) => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return from + ((to - from) * state) / 4_294_967_296;
  };
}

/** @param {Context} ctx */
function beach(ctx) {
  const between = scatter(1);
  wash(
    ctx,
    [
      [0, '#3f9be0'],
      [0.6, '#bfe6f7'],
      [1, '#fff0cf'],
    ],
    0,
    640,
  );
  disc(ctx, '#fff6c9', 830, 190, 84);
  wash(
    ctx,
    [
      [0, '#1b7fa6'],
      [1, '#53c3c4'],
    ],
    640,
    900,
  );
  for (let wave = 0; wave < 70; wave += 1) {
    ctx.fillStyle = wave % 3 ? '#d8f5f2' : '#0f6a8f';
    ctx.fillRect(between(-40, WIDTH), between(650, 895), between(30, 150), between(2, 5));
  }
  wash(
    ctx,
    [
      [0, '#f3dfae'],
      [1, '#d6b277'],
    ],
    900,
  );
  for (let grain = 0; grain < 900; grain += 1)
    disc(ctx, grain % 2 ? '#b58f55' : '#fff3cf', between(0, WIDTH), between(905, HEIGHT), between(1, 3));
  shape(ctx, 'M150 1280 L220 500 L236 500 L196 1280Z', '#7a5230');
  for (let leaf = 0; leaf < 9; leaf += 1) {
    const angle = (leaf / 9) * Math.PI * 2;
    const [x, y] = [228 + Math.cos(angle) * 210, 490 + Math.sin(angle) * 130];
    shape(
      ctx,
      `M228 500 Q${(228 + x) / 2} ${y - 90} ${x} ${y} Q${(228 + x) / 2} ${y - 40} 228 500Z`,
      leaf % 2 ? '#2f7d3f' : '#3f9a4c',
    );
  }
}

/** @param {Context} ctx */
function cityNight(ctx) {
  const between = scatter(2);
  wash(ctx, [
    [0, '#0b1030'],
    [0.7, '#3b2a6b'],
    [1, '#b0486b'],
  ]);
  for (let star = 0; star < 160; star += 1)
    disc(ctx, '#ffffff', between(0, WIDTH), between(0, 600), between(1, 2.5));
  disc(ctx, '#fdf3d0', 190, 190, 70);
  disc(ctx, '#131739', 220, 172, 62);
  for (let x = -20; x < WIDTH;) {
    const width = between(90, 170);
    const top = between(330, 720);
    ctx.fillStyle = ['#12142c', '#1b1d3d', '#0d0f22'][Math.trunc(between(0, 3))];
    ctx.fillRect(x, top, width, HEIGHT);
    for (let row = top + 26; row < HEIGHT; row += 38) {
      for (let column = x + 14; column < x + width - 22; column += 30) {
        ctx.fillStyle =
          between(0, 1) > 0.45 ? ['#ffd36b', '#ffe9ad', '#8fd4ff'][Math.trunc(between(0, 3))] : '#23264a';
        ctx.fillRect(column, row, 17, 22);
      }
    }
    x += width + 6;
  }
}

/** @param {Context} ctx */
function forest(ctx) {
  const between = scatter(3);
  wash(ctx, [
    [0, '#dff1c4'],
    [0.5, '#8fbf6a'],
    [1, '#2f5a2c'],
  ]);
  for (let layer = 0; layer < 3; layer += 1) {
    for (let tree = 0; tree < 9; tree += 1) {
      const x = between(-40, WIDTH);
      const width = 24 + layer * 26;
      shape(
        ctx,
        `M${x} 0 L${x + width} 0 L${x + width * 1.2} 1280 L${x - width * 0.2} 1280Z`,
        ['#7c9a62', '#56703f', '#3a2c1e'][layer],
      );
    }
  }
  for (let leaf = 0; leaf < 1400; leaf += 1) {
    ctx.fillStyle = ['#b9e07a', '#6fae45', '#3f7d2e', '#24521f'][leaf % 4];
    ctx.beginPath();
    const y = leaf % 3 ? between(0, 420) : between(1000, HEIGHT);
    ctx.ellipse(between(0, WIDTH), y, between(8, 22), between(4, 9), between(0, 3), 0, Math.PI * 2);
    ctx.fill();
  }
}

/** @param {Context} ctx */
function snow(ctx) {
  const between = scatter(4);
  wash(ctx, [
    [0, '#7fb4ea'],
    [1, '#eaf4ff'],
  ]);
  shape(ctx, 'M-60 900 L240 260 L430 620 L640 180 L1100 900Z', '#5f7d9e');
  shape(
    ctx,
    'M240 260 L150 452 L222 420 L262 470 L318 408Z M640 180 L540 389 L612 350 L662 420 L742 340Z',
    '#ffffff',
  );
  shape(ctx, 'M-10 860 Q300 720 620 820 T1040 780 L1040 1290 L-10 1290Z', '#f7fbff');
  for (let tree = 0; tree < 11; tree += 1) {
    const [x, y, size] = [tree * 100 + between(-30, 30), between(800, 900), between(60, 120)];
    for (let tier = 0; tier < 3; tier += 1) {
      const top = y - size + tier * size * 0.4;
      shape(
        ctx,
        `M${x} ${top} l${size * 0.4} ${size * 0.6} l${-size * 0.8} 0Z`,
        tier % 2 ? '#2f5d50' : '#3c7565',
      );
    }
  }
  for (let flake = 0; flake < 420; flake += 1)
    disc(ctx, '#ffffff', between(0, WIDTH), between(0, HEIGHT), between(2, 6));
}

/** @param {Context} ctx */
function brickWall(ctx) {
  const between = scatter(5);
  ctx.fillStyle = '#d9cbbd';
  ctx.fillRect(0, 0, WIDTH, HEIGHT);
  for (let row = 0; row * 62 < HEIGHT; row += 1) {
    for (let x = row % 2 ? -70 : 0; x < WIDTH; x += 140) {
      ctx.fillStyle = ['#a8452f', '#b95a3c', '#93392a', '#c46b48', '#8a4a38'][Math.trunc(between(0, 5))];
      ctx.fillRect(x + 4, row * 62 + 4, 132, 54);
      for (let pit = 0; pit < 6; pit += 1)
        disc(ctx, '#6f2c1f', x + between(10, 130), row * 62 + between(8, 54), between(1, 4));
    }
  }
  shape(ctx, 'M120 190 L430 120 L470 330 L160 400Z', '#f5d547');
  shape(
    ctx,
    'M200 240 L240 230 L260 330 L220 340Z M280 225 L380 202 L384 222 L284 245Z M286 262 L386 239 L390 259 L290 282Z',
    '#1d3557',
  );
}

/** @param {Context} ctx */
function library(ctx) {
  const between = scatter(6);
  wash(ctx, [
    [0, '#5a3d28'],
    [1, '#2e1d12'],
  ]);
  for (let shelf = 0; shelf < 5; shelf += 1) {
    const bottom = 250 + shelf * 256;
    for (let x = 18; x < WIDTH - 20;) {
      const [width, height] = [between(22, 54), between(140, 210)];
      ctx.fillStyle = [
        '#c8553d',
        '#588b8b',
        '#f28f3b',
        '#f4d6a0',
        '#2d5d7b',
        '#7a9e7e',
        '#8e3b46',
        '#e8e0cf',
      ][Math.trunc(between(0, 8))];
      ctx.fillRect(x, bottom - height, width - 3, height);
      ctx.fillStyle = '#fff1c9';
      ctx.fillRect(x + 4, bottom - height + 22, width - 11, 7);
      ctx.fillRect(x + 4, bottom - 46, width - 11, 5);
      x += width;
    }
    ctx.fillStyle = '#8a5f3c';
    ctx.fillRect(0, bottom, WIDTH, 24);
  }
}

/** @type {Scene[]} */
export const SCENES = [
  {
    name: 'beach',
    draw: beach,
    pose: { x: 610, y: 560, scale: 1.05, tilt: 0.05, shirt: '#f4f1e6', collar: '#e2725b', smile: 46 },
  },
  {
    name: 'city-night',
    draw: cityNight,
    pose: { x: 430, y: 520, scale: 1.4, tilt: -0.09, shirt: '#23252f', collar: '#6d7080', smile: 18 },
  },
  {
    name: 'forest',
    draw: forest,
    pose: {
      x: 540,
      y: 700,
      scale: 0.82,
      tilt: 0,
      mirror: true,
      shirt: '#c8873a',
      collar: '#7a4a1c',
      smile: 34,
    },
  },
  {
    name: 'snow',
    draw: snow,
    pose: {
      x: 500,
      y: 620,
      scale: 1.2,
      tilt: 0.1,
      mirror: true,
      shirt: '#c0303a',
      collar: '#ffffff',
      smile: 50,
      hat: '#2b6cb0',
    },
  },
  {
    name: 'brick-wall',
    draw: brickWall,
    pose: { x: 660, y: 640, scale: 0.95, tilt: -0.04, shirt: '#2f6f62', collar: '#1f4c43', smile: 22 },
  },
  {
    name: 'library',
    draw: library,
    pose: {
      x: 480,
      y: 500,
      scale: 1.15,
      tilt: 0.03,
      shirt: '#3f4a7a',
      collar: '#e9e4d4',
      smile: 28,
      glasses: true,
    },
  },
];
