// What make bench holds the consumer against: the npm packages sqs-consumer and pg, as sqs-consumer's documentation
// shows them, doing the same work: a batch of ten, one statement and so one transaction for it, its messages deleted
// after the commit (by sqs-consumer, which deletes what the handler returns).  BENCH_WORKERS consumers do so side by
// side, so that one works while others wait.
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.BENCH_PEERS}/package.json`);
const { SQSClient } = require('@aws-sdk/client-sqs');
const pg = require('pg');
const { Consumer } = require('sqs-consumer');

const sqs = new SQSClient({});

async function consume() {
  const client = new pg.Client({ application_name: 'bench peer' });
  await client.connect();
  const consumer = Consumer.create({
    queueUrl: process.env.QUEUE_URL,
    sqs,
    batchSize: 10,
    waitTimeSeconds: 20,
    messageSystemAttributeNames: ['MessageDeduplicationId'],
    suppressFifoWarning: true,
    handleMessageBatch: async (messages) => {
      const first = new Map();
      for (const message of messages) {
        const id = message.Attributes.MessageDeduplicationId;
        if (!first.has(id)) first.set(id, message.Body);
      }
      await client.query({ name: 'batch', text: process.env.BENCH_STATEMENT, values: [[...first.keys()], [...first.values()]] });
      return messages;
    },
  });
  for (const event of ['error', 'processing_error', 'timeout_error']) consumer.on(event, (error) => console.error(error.message));
  consumer.start();
}

for (let worker = 0; worker < Number(process.env.BENCH_WORKERS); worker++) await consume();
