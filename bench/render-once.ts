/** Prints the milliseconds of rendering every file of the shipped production stack: the first time in this process, and the median of 20 more. */
import { renderAll } from '../templates/all.ts';
import { shipped } from '../test/model/settings.ts';
import { medianOf, millisecondsOf } from './measure.ts';

const model = shipped('prod', { phase: 'delegated' });
const files = renderAll.bind(null, model, (name) => `secret-${name}`);
const first = await millisecondsOf(files);
const later: number[] = [];
for (let run = 0; run < 20; run += 1) later.push(await millisecondsOf(files));
console.log(JSON.stringify({ first, later: medianOf(later), files: files().flatMap((volume) => volume.files).length }));
