/** Draws somebody: the same face for the same person, in whatever pose and clothes a scene asks for. */

const SKINS = ['#f3cfb3', '#e5b08a', '#c98d63', '#a86f47', '#7d4f33'];
const HAIRS = ['#2a1c16', '#5a3825', '#8c5a2b', '#c9963f', '#9c3d22', '#1d1d24'];
const EYES = ['#4a7a5c', '#3d6ea8', '#6b4a2c', '#5b5f66'];

/** @typedef {{x: number, y: number, scale: number, tilt: number, mirror?: boolean, shirt: string, collar: string,
 *   smile: number, glasses?: boolean, hat?: string}} Pose `x`, `y`: the face's middle */
/** @typedef {{skin: string, hair: string, eye: string, long: boolean, beard: boolean, freckles: boolean}} Looks */

/** @param {number} id @returns {Looks} */
export function looksOf(id) {
  return {
    skin: SKINS[id % SKINS.length],
    hair: HAIRS[id % HAIRS.length],
    eye: EYES[id % EYES.length],
    long: id % 2 === 1,
    beard: id % 4 === 2,
    freckles: id % 3 === 0,
  };
}

/** @param {CanvasRenderingContext2D} ctx @param {Looks} looks @param {Pose} pose */
export function drawPortrait(ctx, looks, pose) {
  ctx.save();
  ctx.translate(pose.x, pose.y);
  ctx.scale(pose.mirror ? -pose.scale : pose.scale, pose.scale);
  if (looks.long) drawLongHair(ctx, looks.hair, pose.tilt);
  drawBody(ctx, looks, pose);
  ctx.rotate(pose.tilt);
  drawHead(ctx, looks);
  drawFace(ctx, looks, pose.smile);
  if (looks.beard) drawBeard(ctx, looks.hair);
  drawFringe(ctx, looks.hair);
  if (pose.glasses) drawGlasses(ctx);
  if (pose.hat) drawHat(ctx, pose.hat);
  ctx.restore();
}

/** Makes a colour lighter (share > 0) or darker. @param {string} color `#rrggbb` @param {number} share −1 to 1 */
function shade(color, share) {
  const towards = share > 0 ? 255 : 0;
  const mixed = [1, 3, 5].map((at) => {
    const value = parseInt(color.slice(at, at + 2), 16);
    return Math.round(value + (towards - value) * Math.abs(share));
  });
  return `rgb(${mixed.join(' ')})`;
}

/** @param {CanvasRenderingContext2D} ctx @param {string | CanvasGradient} fill @param {number} x @param {number} y @param {number} rx @param {number} ry @param {number} [turn] */
function ellipse(ctx, fill, x, y, rx, ry, turn = 0) {
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.ellipse(x, y, rx, ry, turn, 0, Math.PI * 2);
  ctx.fill();
}

/** @param {CanvasRenderingContext2D} ctx @param {string} path an SVG path @param {string | CanvasGradient} fill */
function shape(ctx, path, fill) {
  ctx.fillStyle = fill;
  ctx.fill(new Path2D(path));
}

/** @param {CanvasRenderingContext2D} ctx @param {string} path @param {string} color @param {number} width */
function line(ctx, path, color, width) {
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.lineCap = 'round';
  ctx.lineJoin = 'round';
  ctx.stroke(new Path2D(path));
}

/** @param {CanvasRenderingContext2D} ctx @param {Looks} looks @param {Pose} pose */
function drawBody(ctx, { skin }, { shirt, collar }) {
  const light = ctx.createLinearGradient(-320, 0, 320, 0);
  light.addColorStop(0, shade(shirt, -0.25));
  light.addColorStop(0.5, shirt);
  light.addColorStop(1, shade(shirt, 0.12));
  shape(
    ctx,
    'M-80 140 L-75 260 C-80 300 -330 300 -370 480 L-430 1400 L430 1400 L370 480 C330 300 80 300 75 260 L80 140Z',
    light,
  );
  shape(ctx, 'M-78 120 L-78 255 Q0 360 78 255 L78 120Z', shade(skin, -0.14));
  line(ctx, 'M-92 262 Q0 392 92 262', collar, 22);
  for (let fold = 0; fold < 5; fold += 1) {
    line(ctx, `M${-230 + fold * 100} ${520 + (fold % 2) * 90} q 26 150 -12 330`, shade(shirt, -0.3), 4);
  }
}

/** What falls behind the shoulders. @param {CanvasRenderingContext2D} ctx @param {string} hair @param {number} tilt */
function drawLongHair(ctx, hair, tilt) {
  ctx.save();
  ctx.rotate(tilt);
  shape(
    ctx,
    'M-190 -90 C-220 -330 220 -330 190 -90 C215 120 250 260 205 360 C120 330 -120 330 -205 360 C-250 260 -215 120 -190 -90Z',
    shade(hair, -0.2),
  );
  ctx.restore();
}

/** @param {CanvasRenderingContext2D} ctx @param {Looks} looks */
function drawHead(ctx, { skin }) {
  const light = ctx.createRadialGradient(50, -60, 20, 0, 0, 260);
  light.addColorStop(0, shade(skin, 0.16));
  light.addColorStop(0.6, skin);
  light.addColorStop(1, shade(skin, -0.2));
  for (const side of [-1, 1]) {
    ellipse(ctx, shade(skin, -0.1), side * 160, 15, 28, 46, side * 0.15);
    line(ctx, `M${side * 164} -6 q ${side * 10} 20 ${-side * 4} 40`, shade(skin, -0.3), 4);
  }
  shape(
    ctx,
    'M-160 -50 C-165 -240 165 -240 160 -50 C162 70 120 210 0 220 C-120 210 -162 70 -160 -50Z',
    light,
  );
}

/** @param {CanvasRenderingContext2D} ctx @param {Looks} looks @param {number} smile */
function drawFace(ctx, { skin, hair, eye, freckles }, smile) {
  for (const side of [-1, 1]) {
    ellipse(ctx, '#fdfdfb', side * 66, -18, 32, 19);
    ellipse(ctx, eye, side * 66 + 2, -17, 17, 17);
    ellipse(ctx, '#14110f', side * 66 + 2, -17, 8, 8);
    ellipse(ctx, '#ffffff', side * 66 + 9, -24, 5, 5);
    line(ctx, `M${side * 66 - 34} -20 Q${side * 66} -48 ${side * 66 + 34} -20`, shade(hair, -0.4), 6);
    line(
      ctx,
      `M${side * 66 - 38} ${-62 + side * 2} Q${side * 66} -84 ${side * 66 + 38} ${-62 - side * 2}`,
      shade(hair, -0.15),
      13,
    );
    ctx.globalAlpha = 0.28;
    ellipse(ctx, '#d9584f', side * 98, 62, 36, 22);
    ctx.globalAlpha = 1;
  }
  line(ctx, 'M8 -10 C16 30 34 58 14 66 C4 70 -10 70 -18 64', shade(skin, -0.32), 6);
  shape(ctx, `M-66 112 Q0 ${112 + smile * 0.7} 66 112 Q0 ${112 + smile * 1.9} -66 112Z`, '#8e2f35');
  shape(
    ctx,
    `M-52 ${113 + smile * 0.1} Q0 ${114 + smile * 0.75} 52 ${113 + smile * 0.1} Q0 ${118 + smile} -52 ${113 + smile * 0.1}Z`,
    '#ffffff',
  );
  line(ctx, `M-70 110 Q0 ${110 + smile * 0.7} 70 110`, '#6d2228', 5);
  if (freckles)
    for (let i = 0; i < 18; i += 1)
      ellipse(
        ctx,
        shade(skin, -0.28),
        (i % 2 ? 1 : -1) * (44 + ((i * 23) % 61)),
        30 + ((i * i * 7) % 41),
        3,
        3,
      );
}

/** @param {CanvasRenderingContext2D} ctx @param {string} hair */
function drawBeard(ctx, hair) {
  ctx.globalAlpha = 0.92;
  shape(
    ctx,
    'M-156 40 C-150 180 -90 250 0 252 C90 250 150 180 156 40 C130 90 100 84 70 92 C40 78 -40 78 -70 92 C-100 84 -130 90 -156 40Z M-62 116 Q0 190 62 116 Q0 96 -62 116Z',
    hair,
  );
  ctx.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} ctx @param {string} hair */
function drawFringe(ctx, hair) {
  shape(
    ctx,
    'M-172 -20 C-200 -270 -60 -300 20 -285 C170 -275 200 -150 172 -20 C160 -70 150 -110 110 -142 C40 -110 -70 -112 -112 -146 C-150 -110 -160 -70 -172 -20Z',
    hair,
  );
  for (let strand = 0; strand < 14; strand += 1) {
    const x = -140 + strand * 21;
    line(
      ctx,
      `M${x * 0.5} -278 Q${x * 1.1} -230 ${x} ${-150 + Math.abs(x) * 0.4}`,
      shade(hair, strand % 2 ? 0.2 : -0.25),
      3,
    );
  }
}

/** @param {CanvasRenderingContext2D} ctx */
function drawGlasses(ctx) {
  for (const side of [-1, 1]) {
    ctx.globalAlpha = 0.18;
    ellipse(ctx, '#bfe3ff', side * 67, -16, 54, 46);
    ctx.globalAlpha = 1;
    line(ctx, `M${side * 67 - 54} -16 a54 46 0 1 0 108 0 a54 46 0 1 0 -108 0`, '#20242b', 8);
    line(ctx, `M${side * 121} -22 L${side * 164} -34`, '#20242b', 8);
  }
  line(ctx, 'M-14 -22 Q0 -34 14 -22', '#20242b', 8);
}

/** @param {CanvasRenderingContext2D} ctx @param {string} color */
function drawHat(ctx, color) {
  shape(ctx, 'M-176 -120 C-190 -350 190 -350 176 -120Z', color);
  shape(ctx, 'M-190 -150 L190 -150 L184 -86 L-184 -86Z', shade(color, -0.2));
  for (let rib = -170; rib <= 170; rib += 20) line(ctx, `M${rib} -146 L${rib} -92`, shade(color, 0.18), 4);
  ellipse(ctx, shade(color, 0.3), 0, -318, 40, 40);
}
