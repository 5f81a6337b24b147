// Attaching to containers.
#include <stop_token>

#include "base/text.h"
#include "engine/api/api.h"
#include "engine/api/raw_stream.h"
#include "engine/container/attach_stream.h"
#include "engine/container/container_run.h"
#include "engine/container/refusal.h"
#include "engine/logs/log_stream.h"
#include "model/log_options.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

// Sends the previous output: attach's `logs`.
Task<> replay_log(Services& s, ContainerPtr container, Client client, bool raw, bool out, bool err) {
  Result<LogPlan> plan = plan_log(container->spec.log);
  if (!plan || !plan->keeps_file) co_return;
  LogRequest request;
  request.out = out;
  request.err = err;
  LogStream logs(s.context, s.containers, s.log_folders, request);
  auto emit = [client, raw](LogEvent event) -> Task<bool> {
    if (!event.entry) co_return true;
    int stream = event.entry->stream == logs::LogStream::Stdout ? 1 : 2;
    std::string bytes = raw ? event.entry->text : stream_frame(stream, event.entry->text);
    Result<> sent = co_await client->write(bytes);
    co_return sent.has_value();
  };
  // A name, because g++ 12 copies a temporary closure bytewise into the frame and then destroys both.
  std::function<bool(const Container&)> selects = [id = container->id](const Container& c) {
    return c.id == id;
  };
  if (!logs.open(selects)) co_return;
  (void)co_await logs.run(emit);
}

Task<> pass_input(Services& s, ContainerPtr container, Client client, Source sink, Source output,
                  DetachKeys keys) {
  bool detached = co_await pump_in(client, sink, std::move(keys), true);
  if (!detached) co_return;
  s.context.publish(*container, "detach");
  output->cancel();
}

// `returning`: a client that lost its connection during a run and must not wait for the next one.
Result<> may_attach(const Container& container, bool returning) {
  bool possible = next(container.phase, LifeEvent::Attach).verdict != Verdict::Refuse;
  if (returning && !container.has_process()) possible = false;
  return possible ? Result<>() : refusal(container, LifeEvent::Attach);
}

Result<runtime::AttachOptions> attach_options(const Request& request, const Container& container) {
  runtime::AttachOptions options;
  options.stdin_open = request.query.flag("stdin") && container.spec.open_stdin;
  options.output = request.query.flag("stdout") || request.query.flag("stderr");
  TRY_ASSIGN(options.resume, resume_position(request.query.get("resume")));
  return options;
}

// Counts a client among the readers of a container.
class Reader {
 public:
  explicit Reader(ContainerPtr container) : container_(std::move(container)) { ++container_->readers; }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    --container_->readers;
    container_->changed.notify_all();
  }

 private:
  ContainerPtr container_;
};

// An attached client: whether it is connected, and the output that it reads.
struct ClientPresence {
  std::stop_source gone;
  Source output;  // after the attachment
};

// `websocket`: raw bytes in messages, without frames for the streams, as in Docker.
Task<> attach(Services& s, Request& request, Response& response, bool websocket) {
  Result<ContainerPtr> found = s.context.require_container(request.param("id"));
  bool returning = request.query.flag("returning");
  Result<> allowed = found ? may_attach(**found, returning) : Result<>(found.error());
  if (!allowed) {
    response.error(allowed.error());
    co_return;
  }
  ContainerPtr container = *found;
  bool raw = container->spec.tty || websocket;
  Result<DetachKeys> keys = detach_keys(request.query.get("detachKeys"), container->spec.tty);
  if (!keys) {
    response.error(400, "Invalid detach keys (" + request.query.get("detachKeys") + ") provided");
    co_return;
  }
  Result<runtime::AttachOptions> options = attach_options(request, *container);
  if (!options) {
    response.error(options.error());
    co_return;
  }
  bool out = request.query.flag("stdout");
  bool err = request.query.flag("stderr");
  bool replay = request.query.flag("logs");
  bool stream_wanted = request.query.flag("stream", true);
  std::string key = request.headers.get("Sec-WebSocket-Key");
  if (websocket && key.empty()) {
    response.error(400, "this path is for WebSockets: Sec-WebSocket-Key is missing");
    co_return;
  }
  // Before the client hears of it: it may start the container at once. With the previous output, afterward, so that nothing
  // is sent twice.
  std::shared_ptr<PendingAttach> pending;
  if (stream_wanted && !replay) {
    Result<std::shared_ptr<PendingAttach>> begun = s.containers.streams().begin(*container, *options);
    if (!begun) {
      response.error(begun.error());
      co_return;
    }
    pending = std::move(*begun);
  }
  auto switched = websocket ? response.hijack_websocket(key) : response.hijack(raw_type(request, raw));
  Result<http::RawStream> hijacked = co_await std::move(switched);
  if (!hijacked) {
    std::stop_source gone;
    gone.request_stop();
    if (pending) (void)co_await s.containers.streams().finish(container, pending, gone.get_token());
    co_return;
  }
  auto client = std::make_shared<http::RawStream>(std::move(*hijacked));
  if (replay) co_await replay_log(s, container, client, raw, out, err);
  if (!stream_wanted) {
    co_await client->finish();
    co_return;
  }
  s.context.publish(*container, "attach");
  auto presence = std::make_shared<ClientPresence>();
  std::function<void()> on_gone = [presence] {
    presence->gone.request_stop();
    if (presence->output) presence->output->cancel();
  };
  start(s.context.io, watch_client(client, std::move(on_gone)));
  if (!pending) {
    Result<std::shared_ptr<PendingAttach>> begun = s.containers.streams().begin(*container, *options);
    if (begun) pending = std::move(*begun);
  }
  Reader reader(container);
  Result<Fd> stream = Error("not attached");
  if (pending)
    stream = co_await s.containers.streams().finish(container, pending, presence->gone.get_token());
  Result<Fd> input = stream ? stream->duplicate() : Result<Fd>(Error("none"));
  if (!stream || !input) {
    client->close();
    co_return;
  }
  Source output = source_of(s.context.io, std::move(*stream));
  Source sink = source_of(s.context.io, std::move(*input));
  presence->output = output;
  if (presence->gone.stop_requested()) output->cancel();
  if (options->stdin_open)
    start(s.context.io, pass_input(s, container, client, sink, output, std::move(*keys)));
  co_await pump_frames(output, client, FrameSelector(raw, out, err));
  co_await client->finish();
}

}  // namespace

void add_attach_routes(http::Router& router, Services& s) {
  router.post("/containers/{id}/attach",
              [&s](Request& q, Response& r) -> Task<> { co_await attach(s, q, r, false); });
  router.get("/containers/{id}/attach/ws",
             [&s](Request& q, Response& r) -> Task<> { co_await attach(s, q, r, true); });
}

}  // namespace stack::engine
