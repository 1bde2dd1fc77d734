/**
 * A file server as Node's users write it: small files are read whole, large ones streamed. The argument: the folder.
 * Prints its port; `GET /resident` answers, after a moment of rest, with the bytes of resident memory; `GET /stop` ends it.
 */
const { createReadStream, readFile, statSync } = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const WHOLE_BYTES = 1024 * 1024;
const REST_MS = 3000;

const [root] = process.argv.slice(2);

function serve(file, response) {
  if (statSync(file).size > WHOLE_BYTES) {
    createReadStream(file).pipe(response);
    return;
  }
  readFile(file, (error, bytes) => {
    response.writeHead(error ? 500 : 200).end(bytes);
  });
}

const server = http.createServer(({ url }, response) => {
  if (url === '/resident') {
    setTimeout(() => response.end(String(process.memoryUsage.rss())), REST_MS);
  } else if (url === '/stop') {
    response.end();
    server.close();
    server.closeAllConnections();
  } else {
    serve(path.join(root, path.basename(url)), response);
  }
});

server.listen(0, '127.0.0.1', () => console.log(server.address().port));
