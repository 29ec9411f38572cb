import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changedKeys } from '../../operator/history.ts';

test('settings that changed since an update are named, without those that a rollback sets itself', () => {
  const before = { serverName: 'example.com', phase: 'legacy', maxUploadMiB: '50', federation: 'true' };
  const now = { serverName: 'example.com', phase: 'delegated', acceptLoss: '2:none', maxUploadMiB: '100', adminUsers: '["alice"]', federation: 'true' };
  assert.deepEqual(changedKeys(before, now), ['adminUsers', 'maxUploadMiB']);
  assert.deepEqual(changedKeys(now, now), []);
});
