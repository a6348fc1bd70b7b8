import { describe, expect, it } from 'vitest';
import { oneHostFixture } from '../fixtures';
import type { Selection } from '../state/route';
import { fromDocument } from '../state/topology';
import { buildScene } from './scene';
import { type Heading, placeOf, sibling, step } from './walk';

const scene = buildScene(fromDocument(oneHostFixture()), { title: '', subtitle: '' });
const node = (id: string): Selection => ({ kind: 'node', id });
const service = (id: string): Selection => ({ kind: 'service', id });
const connection = (id: string): Selection => ({ kind: 'connection', id });

describe('step', () => {
  it.each<[string, Selection, Heading, Selection | null]>([
    ['a node goes out along its busiest connection', node('vm'), 'out', connection('c4')],
    ['a node goes in against its busiest connection', node('vm'), 'in', connection('c1')],
    ['a connection leads to its service', connection('c4'), 'out', service('vm~tcp~8000~127.0.0.1')],
    ['a service goes on from there', service('vm~tcp~8000~127.0.0.1'), 'out', connection('c5')],
    ['a service goes back in', service('vm~tcp~8000~127.0.0.1'), 'in', connection('c4')],
    ['a connection leads back to its client, a node if it has no service', connection('c1'), 'in', node('Internet')],
    ['a connection to no known service leads to the node', connection('c11'), 'out', node('Internet')],
    ['the last service of a chain ends it', service('vm~tcp~5432~127.0.0.1'), 'out', null],
    ['nobody calls a node', node('nobody'), 'in', null],
    ['a connection that is gone leads nowhere', connection('c99'), 'out', null],
  ])('%s', (_, from, heading, to) => expect(step(scene, from, heading)).toEqual(to));

  it('walks from the Internet to the database and back', () => {
    const there: string[] = [];
    let at: Selection | null = node('Internet');
    for (let i = 0; i < 10 && at; i++) {
      there.push(at.id);
      at = step(scene, at, 'out');
    }
    expect(there).toEqual(['Internet', 'c1', 'vm~tcp~443~0.0.0.0', 'c4', 'vm~tcp~8000~127.0.0.1', 'c5', 'vm~tcp~5432~127.0.0.1']);
    const back: string[] = [];
    at = service('vm~tcp~5432~127.0.0.1');
    for (let i = 0; i < there.length && at; i++) {
      back.push(at.id);
      at = step(scene, at, 'in');
    }
    expect(back).toEqual([...there].reverse());
  });
});

describe('sibling', () => {
  it('goes round all connections of the node, each once', () => {
    const seen: string[] = [];
    let at = 'c1';
    do {
      seen.push(at);
      at = sibling(scene, at, 'out', 1)?.id ?? '';
    } while (at !== 'c1' && at !== '' && seen.length < 20);
    expect(seen.sort()).toEqual(['c1', 'c2', 'c3']);
    expect(sibling(scene, sibling(scene, 'c1', 'out', 1)?.id ?? '', 'out', -1)).toEqual(connection('c1'));
  });

  it('goes along what comes in when that is the way', () => {
    expect(sibling(scene, 'c8', 'in', 1)).toBeNull();
    expect(sibling(scene, 'c1', 'in', 1)?.kind).toBe('connection');
  });

  it('has nowhere to go from a connection that is gone', () => expect(sibling(scene, 'c99', 'out', 1)).toBeNull());
});

describe('placeOf', () => {
  it('is the box, the service’s row, or the line', () => {
    const vm = scene.boxByName.get('vm')?.rect;
    expect(placeOf(scene, node('vm'))).toBe(vm);
    const row = scene.boxByName.get('vm')?.rows.find((r) => r.service?.port === 80);
    expect(placeOf(scene, service('vm~tcp~80~0.0.0.0'))).toEqual({ x: vm?.x, y: (row?.y ?? 0) - 10, w: vm?.w, h: 20 });
    expect(placeOf(scene, connection('c8'))).toBe(scene.edges.find((e) => e.connection.id === 'c8')?.area);
  });

  it.each([node('x'), service('x'), connection('x')])('is nowhere for what is not there: %j', (s) => expect(placeOf(scene, s)).toBeNull());
});
