// Opens the inspector of a Node process on an address of nhctl's, unless the process only starts or builds others. It changes nothing
// else, and a process where it fails runs as it does without it.
'use strict';
const fs = require('fs');
const path = require('path');

// Packages whose programs start the service as a process of their own, or build it.
const launchers = new Set([
  'npm', 'yarn', 'pnpm', 'corepack', 'nodemon', 'node-dev', 'tsx', 'tsc-watch', '@nestjs/cli', 'concurrently', 'npm-run-all', 'npm-run-all2',
  'cross-env', 'dotenv-cli', '@dotenvx/dotenvx', 'env-cmd', 'wait-on', 'start-server-and-test', 'turbo', 'nx', 'lerna', 'wireit', 'husky',
  'rimraf', 'shx', 'copyfiles', 'typescript', 'tsc-alias', 'esbuild', 'tsup', '@swc/cli', '@babel/cli', 'prisma', 'eslint', 'jest-worker',
]);
// Packages whose programs run the service's script themselves.
const runners = new Set(['ts-node', 'ts-node-dev', 'vite-node', '@babel/node']);

function scriptOf(argument) {
  try {
    return fs.realpathSync(argument);
  } catch {
    return argument; // without its ending
  }
}

// packageOf is the installed package that a script is of, and the script's path in it.
function packageOf(script) {
  const parts = script.split(/\/(?:node_modules|usr\/share\/nodejs)\//);
  if (parts.length < 2) return {};
  const [, name, file] = /^((?:@[^/]+\/)?[^/]+)\/?(.*)$/.exec(parts.pop());
  return { name, file, root: script.slice(0, script.length - file.length) };
}

// forksServer says whether Next.js runs its dev server as a process of its own, as it does since 13.5.
function forksServer(root) {
  const [major, minor] = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')).version.split('.').map(Number);
  return major > 13 || (major === 13 && minor >= 5);
}

function launches(script, { name, file, root }) {
  if (/^(npm|npx|yarn|pnpm|pnpx|corepack)(-cli)?(-[\d.]+)?(\.[cm]?js)?$/.test(path.basename(script))) return true;
  if (script.includes('/jest-worker/')) return true;
  if (name === 'next' && file === 'dist/bin/next') {
    const command = process.argv[2];
    return (command === undefined || command === 'dev' || command.startsWith('-')) && forksServer(root);
  }
  if (name === 'ts-node-dev') return file.startsWith('lib/bin');
  return launchers.has(name);
}

function open() {
  const inspector = require('inspector');
  if (!require('worker_threads').isMainThread || !process.argv[1]) return;
  const script = scriptOf(process.argv[1]);
  const from = packageOf(script);
  if (launches(script, from)) return;
  // What a program forks are its workers.
  const worker = process.env.NHCTL_DEBUGGED && process.env.NODE_CHANNEL_FD;
  const program = (!from.name || runners.has(from.name)) && !worker;
  if (program) process.env.NHCTL_DEBUGGED = '1';
  if (inspector.url()) inspector.close(); // the command has --inspect
  inspector.open(0, program ? process.env.NHCTL_DEBUG_HOST : process.env.NHCTL_DEBUG_TOOL, program && process.env.NHCTL_DEBUG_WAIT === '1');
}

try {
  open();
} catch {
  // It can't be debugged.
}
