import { type Evidence, findFaults, type Written } from './checker.js';

const LOG: Written[] = ['user', 'assistant', 'assistant', 'user'].map((sender, index) => ({
  ...{ id: `msg_${index + 1}`, seq: index + 1, content: `text ${index + 1}`, sender },
}));
const IDS = LOG.map(({ id }) => id);
const END = { seq: 4, read_seq: 2, unread_count: 1 };

function evidence(changes: Partial<Evidence> = {}): Evidence {
  const device = {
    name: 'phone',
    ids: IDS,
    states: [END, { seq: 1, read_seq: 0, unread_count: 0 }],
    faults: [],
  };
  return { user: 'ann', acknowledged: LOG, log: LOG, end: END, readUpTo: 2, devices: [device], ...changes };
}

function ofDevice(changes: Partial<Evidence['devices'][number]>): string[] {
  return findFaults(evidence({ devices: [{ ...evidence().devices[0]!, ...changes }] }));
}

it('A log that everybody has seen has no faults', () => {
  expect(findFaults(evidence())).toEqual([]);
});

it.each<[string, RegExp, Partial<Evidence>]>([
  ['lost', /"text 4" was answered 2xx and is lost/, { log: LOG.slice(0, 3) }],
  [
    'written twice',
    /"text 4" is in the log twice: 4 and 5/,
    { log: [...LOG, { ...LOG[3]!, id: 'msg_5', seq: 5 }] },
  ],
  ['without a writer', /"text 4" is in the log, and nobody wrote it/, { acknowledged: LOG.slice(0, 3) }],
  [
    'at a place that was not answered',
    /was answered as msg_4 at 9/,
    { acknowledged: [...LOG.slice(0, 3), { ...LOG[3]!, seq: 9 }] },
  ],
  ['with a hole', /the log has 5 at place 4/, { log: [...LOG.slice(0, 3), { ...LOG[3]!, seq: 5 }] }],
  ['miscounted', /the end was told of 2 unread at 4/, { end: { ...END, unread_count: 2 } }],
  ['unread again', /is read up to 2, and was marked up to 3/, { readUpTo: 3 }],
  ['shorter than its head', /the end is at 5/, { end: { ...END, seq: 5 } }],
])('A log that is %s has a fault', (_, fault, changes) => {
  expect(findFaults(evidence(changes)).join('\n')).toMatch(fault);
});

it.each<[string, RegExp, Partial<Evidence['devices'][number]>]>([
  ['misses the end', /phone has seen nothing at 4/, { ids: IDS.slice(0, 3) }],
  [
    'misses one in the middle',
    /phone has seen nothing at 2/,
    { ids: Object.assign([...IDS], { 1: undefined }) },
  ],
  ['saw two in the wrong order', /phone has seen msg_3 at 2/, { ids: ['msg_1', 'msg_3', 'msg_2', 'msg_4'] }],
  ['saw more than there is', /phone has seen 5 messages of 4/, { ids: [...IDS, 'msg_5'] }],
  [
    'was told a wrong count',
    /phone was told of 7 unread at 3/,
    { states: [{ seq: 3, read_seq: 0, unread_count: 7 }] },
  ],
  ['complained itself', /something came twice/, { faults: ['something came twice'] }],
])('A device that %s is a fault', (_, fault, changes) => {
  expect(ofDevice(changes).join('\n')).toMatch(fault);
});
