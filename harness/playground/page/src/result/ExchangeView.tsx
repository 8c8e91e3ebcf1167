import type { Exchange, Header } from "../engine";
import { BytesView } from "../parts/BytesView";
import type { Edits } from "../parts/edits";
import { Message } from "../parts/Message";
import { isUpstreams } from "./codes";
import { HeaderChanges, HeaderTable } from "./HeaderChanges";

/** What an upstream was told to answer. */
export interface Scripted {
  status: number;
  headers: Header[];
}

interface ExchangeProps {
  exchange: Exchange;
  edits: Edits;
  /** What the upstream was told to answer; null where nobody knows. */
  scripted: Scripted | null;
}

/** What client and upstream got, and which headers filters have written. */
export function ExchangeView({ exchange, edits, scripted }: ExchangeProps) {
  const { request, upstream } = exchange;
  return (
    <div class="stack">
      {upstream ? <HeaderChanges caption="The request, as the client sent it and as the upstream got it" before={request.headers} after={upstream.headers} isWritten={edits.request} /> : (
        <>
          <p>The upstream was not called.</p>
          <HeaderTable caption="The request" headers={request.headers} />
        </>
      )}
      {request.body && request.body.size > 0 && <Body title="Body of the request" bytes={request.body} />}
      {upstream?.body && upstream.body.size > 0 && upstream.body.text !== request.body?.text && <Body title="Body that the upstream got" bytes={upstream.body} />}
      <ClientView exchange={exchange} edits={edits} scripted={scripted} />
    </div>
  );
}

function ClientView({ exchange: { client, upstream, details }, edits, scripted }: ExchangeProps) {
  if (!client) return <Message kind="warning">The client got no response.</Message>;
  const answered: Header[] | null = upstream && scripted && isUpstreams(details) ? [[":status", String(scripted.status)], ...scripted.headers.map(([name, value]): Header => [name.toLowerCase(), value])] : null;
  const headers: Header[] = client.headers.some(([name]) => name === ":status") ? client.headers : [[":status", String(client.status)], ...client.headers];
  const title = isUpstreams(details) ? "What the client got" : "The local reply that the client got";
  return (
    <>
      {answered ? <HeaderChanges caption="The response, as the upstream sent it and as the client got it" before={answered} after={headers} isWritten={edits.response} /> : <HeaderTable caption={title} headers={headers} />}
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
