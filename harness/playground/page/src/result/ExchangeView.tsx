import type { Exchange, Header } from "../engine";
import { BytesView } from "../parts/BytesView";
import { Message } from "../parts/Message";
import type { Answer } from "../policy/policy";
import { HeaderChanges, HeaderTable } from "./HeaderChanges";

/** What client and upstream got. `scripted` is what the upstream was told to answer, where that is known. */
export function ExchangeView({ exchange, scripted }: { exchange: Exchange; scripted: Answer | null }) {
  const { request, upstream } = exchange;
  return (
    <div class="stack">
      {upstream ? <HeaderChanges caption="The request, as the client sent it and as the upstream got it" before={request.headers} after={upstream.headers} /> : (
        <>
          <p>The upstream was not called.</p>
          <HeaderTable caption="The request" headers={request.headers} />
        </>
      )}
      {request.body && request.body.size > 0 && <Body title="Body of the request" bytes={request.body} />}
      {upstream?.body && upstream.body.size > 0 && upstream.body.text !== request.body?.text && <Body title="Body that the upstream got" bytes={upstream.body} />}
      <ClientView exchange={exchange} scripted={scripted} />
    </div>
  );
}

function ClientView({ exchange: { client, upstream, details }, scripted }: { exchange: Exchange; scripted: Answer | null }) {
  if (!client) return <Message kind="warning">The client got no response.</Message>;
  const isUpstreams = upstream && scripted && details?.startsWith("via_upstream");
  const answered: Header[] = isUpstreams ? [[":status", String(scripted.status)], ...scripted.headers.map(([name, value]): Header => [name.toLowerCase(), value])] : [];
  const headers: Header[] = client.headers.some(([name]) => name === ":status") ? client.headers : [[":status", String(client.status)], ...client.headers];
  const title = isUpstreams || details?.startsWith("via_upstream") ? "What the client got" : "The local reply that the client got";
  return (
    <>
      {isUpstreams ? <HeaderChanges caption="The response, as the upstream sent it and as the client got it" before={answered} after={headers} /> : <HeaderTable caption={title} headers={headers} />}
      {client.body && client.body.size > 0 && <Body title={`Body of the response`} bytes={client.body} />}
      {client.trailers && client.trailers.length > 0 && <HeaderTable caption="Trailers that the client got" headers={client.trailers} />}
    </>
  );
}

function Body({ title, bytes }: { title: string; bytes: Exchange["request"]["body"] }) {
  return (
    <div>
      <h4>{title}</h4>
      <BytesView label={title} bytes={bytes} />
    </div>
  );
}
