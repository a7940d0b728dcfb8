import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Limiter } from '../../../aws/transfer/limiter.ts';

const MiB = 1024 ** 2;

/** A line that brings so many bytes a second, and no more than so many over one connection, on a clock of its own. */
class Line {
  now = 0;
  readonly limiter: Limiter;
  readonly #lineSpeed: number;
  readonly #connectionSpeed: number;
  #underWay: { left: number; done: () => void }[] = [];
  most = 0;

  constructor(limits: { start: number; most: number }, lineSpeed: number, connectionSpeed: number) {
    this.limiter = new Limiter({ ...limits, now: () => this.now });
    this.#lineSpeed = lineSpeed;
    this.#connectionSpeed = connectionSpeed;
  }

  /** Keeps asking for `seconds`. */
  async run(seconds: number): Promise<void> {
    const end = this.now + seconds * 1000;
    const ask = async () => {
      while (this.now < end) await this.limiter.run(8 * MiB, () => this.#transfer(8 * MiB));
    };
    let isOver = false;
    const asking = Promise.all(Array.from({ length: 40 }, ask)).then(() => {
      isOver = true;
    });
    while (!isOver) {
      await new Promise(setImmediate);
      this.now += 10;
      this.most = Math.max(this.most, this.#underWay.length);
      const speed = Math.min(this.#connectionSpeed, this.#lineSpeed / this.#underWay.length);
      for (const transfer of this.#underWay) transfer.left -= speed / 100;
      const done = this.#underWay.filter(({ left }) => left <= 0);
      this.#underWay = this.#underWay.filter(({ left }) => left > 0);
      for (const transfer of done) transfer.done();
    }
    await asking;
  }

  #transfer(bytes: number): Promise<void> {
    return new Promise((done) => this.#underWay.push({ left: bytes, done }));
  }
}

test('more requests at once as long as they bring more', async () => {
  const line = new Line({ start: 4, most: 16 }, 1000 * MiB, 80 * MiB);
  await line.run(20);
  assert.ok(line.limiter.limit >= 12, `${line.limiter.limit} at once`);
  assert.ok(line.most <= 16);
});

test('no more where they bring nothing', async () => {
  const line = new Line({ start: 4, most: 16 }, 100 * MiB, 80 * MiB);
  await line.run(30);
  assert.ok(line.limiter.limit <= 6, `${line.limiter.limit} at once`);
});

test('fewer when the service asks for it, then slowly more again', async () => {
  const line = new Line({ start: 8, most: 16 }, 1000 * MiB, 80 * MiB);
  line.limiter.reduce();
  line.limiter.reduce(); // one moment
  assert.equal(line.limiter.limit, 4);
  line.now += 2_000;
  line.limiter.reduce();
  assert.equal(line.limiter.limit, 2);
  for (let i = 0; i < 5; i++) {
    line.now += 2_000;
    line.limiter.reduce();
  }
  assert.equal(line.limiter.limit, 1);
  await line.run(60);
  assert.ok(line.limiter.limit >= 8, `${line.limiter.limit} at once`);
});

test('never more at once than the limit, also when work fails, and in order', async () => {
  const limiter = new Limiter({ start: 3, most: 3 });
  let underWay = 0;
  let most = 0;
  const begun: number[] = [];
  const all = Array.from({ length: 20 }, (_, i) =>
    limiter.run(1, async () => {
      begun.push(i);
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise(setImmediate);
      underWay -= 1;
      if (i % 3 === 0) throw new Error(`${i}`);
    }),
  );
  const failed = (await Promise.allSettled(all)).filter(({ status }) => status === 'rejected');
  assert.equal(failed.length, 7);
  assert.equal(most, 3);
  assert.deepEqual(
    begun,
    begun.toSorted((a, b) => a - b),
  );
});

test('a quarter may be done twice', async () => {
  const limiter = new Limiter({ start: 8, most: 8 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = limiter.double(() => promise);
  assert.equal(limiter.mayDouble, true);
  const second = limiter.double(() => promise);
  assert.equal(limiter.mayDouble, false);
  resolve();
  await Promise.all([first, second]);
  assert.equal(limiter.mayDouble, true);
});
