import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseXml, xmlDocument } from '../../../../infra/local/s3/xml.ts';

test('what is written is read back, whatever the text', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.string({ unit: 'binary' }), (texts, odd) => {
      const written = xmlDocument('Root', { Item: texts, Odd: odd, Left: undefined });
      const read = parseXml(written, 'Root');
      assert.deepEqual(
        read.all('Item').map((item) => item.text),
        texts,
      );
      assert.equal(read.get('Odd'), odd);
      assert.equal(read.get('Left'), undefined);
    }),
    { numRuns: 50 },
  );
});

test('nested elements, declarations, comments, CDATA, prefixes and attributes', () => {
  const read = parseXml(
    `\ufeff<?xml version="1.0"?><!-- a --><s3:Root xmlns:s3="x" a='>'>
      <A><B>1</B><B>&#x32;&#51;&lt;</B></A><Empty/><C><![CDATA[<&]]></C></s3:Root>\n`,
    'Root',
  );
  assert.deepEqual(
    read
      .all('A')[0]
      ?.all('B')
      .map((b) => b.text),
    ['1', '23<'],
  );
  assert.equal(read.get('Empty'), '');
  assert.equal(read.get('C'), '<&');
});

for (const [what, text] of Object.entries({
  'no document': '',
  'no element': 'text',
  'another root': '<Other/>',
  'an element left open': '<Root><A></Root>',
  'an element closed twice': '<Root></Root></Root>',
  'two roots': '<Root/><Root/>',
  'text after the root': '<Root/>x',
  'an end in the middle': '<Root><A',
  'an unknown entity': '<Root>&bomb;</Root>',
  'an entity without its end': '<Root>&amp</Root>',
  'a bare ampersand': '<Root>a & b</Root>',
  'a document type': '<!DOCTYPE Root [<!ENTITY bomb "x">]><Root>&bomb;</Root>',
  'a character beyond Unicode': '<Root>&#x110000;</Root>',
})) {
  test(`refuses ${what}`, () => {
    assert.throws(() => parseXml(text, 'Root'), { code: 'MalformedXML' });
  });
}
