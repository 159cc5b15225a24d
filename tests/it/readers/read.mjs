// The same as read.py for npm's ssh-config: `read.mjs MODULE FILE NAME…`.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [module, file, ...names] = process.argv.slice(2);
const { default: SSHConfig } = createRequire(import.meta.url)(module);
const config = SSHConfig.parse(readFileSync(file, 'utf8'));
for (const name of names) {
  const { HostName, User, Port, IdentityFile, ProxyJump } = config.compute(name);
  const keys = (IdentityFile ?? []).map((key) => key.replace(/^~/, process.env.HOME));
  const found = { host: HostName, user: User, port: Number(Port ?? 22), keys, jump: ProxyJump ?? null };
  console.log(JSON.stringify(found));
}
