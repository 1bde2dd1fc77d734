/** Resizes a batch of images, four at a time. Arguments: the folder in whose node_modules sharp is, how many rounds. */
const { createHash } = require('node:crypto');
const { createRequire } = require('node:module');
const path = require('node:path');
const { restAndReport } = require('./rest.cjs');

const [folder, rounds] = process.argv.slice(2);
const sharp = createRequire(path.join(path.resolve(folder), 'package.json'))('sharp');

const WIDTHS = [1920, 1280, 640, 320];
const SOURCE = { width: 2400, height: 1600, channels: 3 };

function picture() {
  const pixels = Buffer.alloc(SOURCE.width * SOURCE.height * SOURCE.channels);
  for (let at = 0; at < pixels.length; at++) {
    pixels[at] = (at * 7 + (at >> 11)) & 255;
  }
  return sharp(pixels, { raw: SOURCE }).jpeg({ quality: 90 }).toBuffer();
}

async function resizeAll() {
  const source = await picture();
  const hash = createHash('sha256');
  for (let round = 0; round < Number(rounds); round++) {
    const made = await Promise.all(WIDTHS.map((width) => sharp(source).resize(width).jpeg().toBuffer()));
    for (const image of made) {
      hash.update(image);
    }
  }
  console.log(hash.digest('hex'));
}

resizeAll().then(restAndReport);
