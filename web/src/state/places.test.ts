import { describe, expect, it } from 'vitest';
import { fromDocument } from './topology';
import { placesFor } from './places';
import { shopFixture } from '../fixtures/shop';

const { nodes, services } = fromDocument(shopFixture());
const find = (query: string, known: readonly string[] = []): string[] => placesFor([...nodes.values()], [...services.values()], query, known).map((p) => p.id);

describe('what can be asked about', () => {
  it('is found by name, process and port, all words together', () => {
    expect(find('db01')).toEqual(['db01', 'db01~tcp~5432', 'db01~tcp~22']);
    expect(find('postgres')).toEqual(['db01~tcp~5432']);
    expect(find(':5672')).toEqual(['mq01~tcp~5672']);
    expect(find('db01 sshd')).toEqual(['db01~tcp~22']);
    expect(find('nothing')).toEqual([]);
    expect(find('  ')).toEqual([]);
  });

  it('leaves out what is asked about already, and what stands for many', () => {
    expect(find('db01', ['db01'])).toEqual(['db01~tcp~5432', 'db01~tcp~22']);
    expect(placesFor([{ name: 'Internet', kind: 'internet', addresses: [] }], [], 'inter', [])).toEqual([]);
  });
});
