// Contender: the simplest honest proxy on @grpc/grpc-js. Bytes pass as they are (identity serializers); a merged
// list is the two replies one after the other. Usage: grpc-js-proxy LISTEN BACKEND_A BACKEND_B
import * as grpc from '@grpc/grpc-js';
import { isMergedPath, ownerOfRequest } from './merged-replies.ts';

const [listenPath = '', ...backendPaths] = process.argv.slice(2);
const METHODS = ['Version', 'Status', 'PodSandboxStatus', 'ListPodSandbox', 'ListContainers'];
const same = (bytes: Buffer): Buffer => bytes;
const OPTIONS: grpc.ChannelOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
};

const clients = backendPaths.map(
  (path) => new grpc.Client(`unix:${path}`, grpc.credentials.createInsecure(), OPTIONS),
);

type Call = grpc.ServerUnaryCall<Buffer, Buffer>;

function forward(client: grpc.Client, path: string, call: Call, answer: grpc.requestCallback<Buffer>): void {
  const outgoing = client.makeUnaryRequest<Buffer, Buffer>(
    path,
    same,
    same,
    call.request,
    call.metadata,
    { deadline: call.getDeadline() },
    answer,
  );
  call.on('cancelled', () => outgoing.cancel());
}

function handle(path: string, call: Call, done: grpc.sendUnaryData<Buffer>): void {
  if (!isMergedPath(path)) {
    const client = clients[ownerOfRequest(call.request, 0)];
    if (client !== undefined) forward(client, path, call, done);
    return;
  }
  const replies: Buffer[] = [];
  let missing = clients.length;
  for (const [index, client] of clients.entries()) {
    forward(client, path, call, (error, reply) => {
      if (missing <= 0) return;
      if (error !== null || reply === undefined) {
        missing = 0;
        done(error);
        return;
      }
      replies[index] = reply;
      missing -= 1;
      if (missing === 0) done(null, Buffer.concat(replies));
    });
  }
}

const server = new grpc.Server(OPTIONS);
const definition: Record<string, grpc.MethodDefinition<Buffer, Buffer>> = {};
const implementation: grpc.UntypedServiceImplementation = {};
for (const name of METHODS) {
  const path = `/runtime.v1.RuntimeService/${name}`;
  definition[name] = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  implementation[name] = (call: Call, done: grpc.sendUnaryData<Buffer>) => handle(path, call, done);
}
server.addService(definition, implementation);
server.bindAsync(`unix:${listenPath}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
process.on('SIGTERM', () => process.exit(0));
