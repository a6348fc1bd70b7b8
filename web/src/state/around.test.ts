import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { TopologyDocument } from '../api/types';
import { NO_FILTER, keptBy } from './filter';
import { CALM } from './health';
import { around, startOf } from './around';
import { fromDocument } from './topology';

interface Case {
  focus: string;
  hops: number;
  want: string[];
}

/** The cases that the server's parts of charts are held to (view/around_test.go). */
const { chart, cases } = JSON.parse(readFileSync('../view/testdata/around.json', 'utf8')) as { chart: TopologyDocument; cases: Case[] };
const topology = fromDocument(chart);

describe('what is around something, as the server has it', () => {
  it.each(cases.map((c): [string, Case] => [`${c.hops} around “${c.focus}”`, c]))('%s', (_, { focus, hops, want }) => {
    expect([...around(topology, startOf(topology, focus), hops)].sort()).toEqual([...want].sort());
  });

  it.each(cases.filter((c) => c.focus !== '' && c.hops > 0).map((c): [string, Case] => [`${c.hops} around “${c.focus}”`, c]))('a filter keeps it: %s', (_, { focus, hops, want }) => {
    expect([...(keptBy(topology, { ...NO_FILTER, focus, hops: hops as 1 }, CALM)?.boxes ?? [])].sort()).toEqual([...want].sort());
  });
});
