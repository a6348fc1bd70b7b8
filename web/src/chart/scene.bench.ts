import { bench, describe } from 'vitest';
import { makeIllSite, makeSite } from '../fixtures';
import { fromDocument } from '../state/topology';
import { buildScene, hitTest } from './scene';

const lane = { title: '', subtitle: '' };

describe.each([60, 1000])('%d hosts', (n) => {
  const topology = fromDocument(makeSite(n));
  const scene = buildScene(topology, lane);

  bench('build the scene', () => {
    buildScene(topology, lane);
  });

  bench('build it again after a delta', () => {
    buildScene(topology, lane, scene);
  });

  const ill = fromDocument(makeIllSite(n));
  const before = buildScene(ill, lane);

  bench('build it again with every tenth connection in trouble', () => {
    buildScene(ill, lane, before);
  });

  bench('1,000 hit tests', () => {
    for (let i = 0; i < 1000; i++) hitTest(scene, { x: (i * 37) % scene.bounds.w, y: (i * 91) % scene.bounds.h }, 1);
  });
});
