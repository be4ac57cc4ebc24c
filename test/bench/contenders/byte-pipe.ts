// Contender: a pipe of bytes between two sockets, which understands nothing. What any hop in Node costs at least, so the
// floor under every proxy written for it. Usage: byte-pipe LISTEN BACKEND
import net from 'node:net';

const [listenPath = '', backendPath = ''] = process.argv.slice(2);
const server = net.createServer((client) => {
  const backend = net.connect(backendPath);
  client.on('error', () => backend.destroy());
  backend.on('error', () => client.destroy());
  client.pipe(backend);
  backend.pipe(client);
});
server.listen(listenPath);
process.on('SIGTERM', () => process.exit(0));
