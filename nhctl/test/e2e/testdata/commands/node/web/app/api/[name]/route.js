export async function GET(request, { params }) {
  const { name } = params;
  const text = `Hello, ${name}`;
  return new Response(text);
}
