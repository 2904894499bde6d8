// What visitors see: the catalog's books with their reviews.
'use strict';
const http = require('node:http');

async function page() {
  const [catalog, reviews] = await Promise.all([
    fetch(process.env.CATALOG_URL + '/books').then((r) => r.json()),
    fetch(process.env.REVIEWS_URL + '/reviews').then((r) => r.json()),
  ]);
  return {
    headline: catalog.greeting,
    books: catalog.books.map((b) => ({ ...b, reviews: reviews.reviews[b.id] ?? [] })),
  };
}

const server = http.createServer(async (request, response) => {
  if (request.url === '/healthz') {
    response.end('ok');
    return;
  }
  try {
    const body = JSON.stringify(await page());
    response.setHeader('Content-Type', 'application/json');
    response.end(body + '\n');
  } catch (error) {
    response.statusCode = 502;
    response.end(JSON.stringify({ error: String(error.cause ?? error) }) + '\n');
  }
});

process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(8080, () => console.log('storefront: listening on :8080'));
