#include "engine/api/image_transfer.h"

namespace stack::engine {

OrderedJson transfer_event(bool push, int64_t id, const TransferEvent& event) {
  const char* name = push ? "push" : "pull";
  if (event.layer.empty()) return {{"event", name}, {"id", id}, {"text", event.text}};
  return {{"event", name},
          {"id", id},
          {"layer", event.layer},
          {"phase", images::registry::phase_name(event.phase)},
          {"current", event.current},
          {"total", event.total}};
}

namespace {

// State shared by all images of a transfer.
struct Running {
  Running(Services& engine_services, ImageTransfer wanted, Sink events)
      : services(engine_services),
        transfer(std::move(wanted)),
        sink(std::move(events)),
        ended(services.context.io) {}

  Services& services;
  ImageTransfer transfer;
  Sink sink;
  Signal ended;
  size_t left = 0;
  int64_t changed = 0;
  std::optional<Error> error;  // the first one
};

OrderedJson plan_of(const ImageTransfer& transfer) {
  OrderedJson actions = OrderedJson::array();
  const char* verb = transfer.push ? "push" : "pull";
  for (const std::string& reference : transfer.references)
    actions.push_back({{"id", actions.size() + 1},
                       {"kind", std::string(verb) + "-image"},
                       {"text", std::string(verb) + " image " + reference},
                       {"object", reference},
                       {"cause", "requested"},
                       {"service", ""},
                       {"after", OrderedJson::array()}});
  return {{"event", "plan"}, {"actions", std::move(actions)}};
}

// The image's ID or the pushed digest, and whether anything changed.
struct Ended {
  std::string result;
  bool changed = false;
};

Task<Result<Ended>> transfer_one(std::shared_ptr<Running> running, std::string reference, TransferSink sink) {
  const ImageTransfer& transfer = running->transfer;
  RegistryService::Wanted wanted{reference, transfer.platform, transfer.caller};
  RegistryService& registries = running->services.registries;
  if (transfer.push) {
    Result<images::registry::PushResult> pushed =
        co_await registries.push(std::move(wanted), std::move(sink), transfer.stop);
    CO_TRY(pushed);
    co_return Ended{pushed->digest, true};
  }
  Pulled pulled = co_await registries.pull(std::move(wanted), std::move(sink), transfer.stop);
  if (!pulled) co_return std::move(pulled.error().error);
  co_return Ended{pulled->image.id, pulled->changed};
}

Task<> run_one(std::shared_ptr<Running> running, size_t index) {
  auto id = static_cast<int64_t>(index + 1);
  std::string reference = running->transfer.references[index];
  running->sink({{"event", "action"}, {"id", id}, {"state", "running"}, {"text", ""}, {"seconds", 0}});
  TransferSink sink = [running, id](const TransferEvent& event) {
    running->sink(transfer_event(running->transfer.push, id, event));
  };
  Result<Ended> ended = co_await transfer_one(running, reference, std::move(sink));
  OrderedJson event{
      {"event", "action"}, {"id", id}, {"state", ended ? "done" : "failed"}, {"text", ""}, {"seconds", 0}};
  if (!ended) event["error"] = ended.error().text();
  running->sink(std::move(event));
  if (ended) {
    running->changed += ended->changed ? 1 : 0;
    running->services.context.events.publish("image", running->transfer.push ? "push" : "pull", reference,
                                             {{"name", reference}});
  } else if (running->transfer.ignore_failures && ended.error().kind() != ErrorKind::Canceled) {
    running->sink({{"event", "warning"}, {"text", ended.error().text()}});
  } else if (!running->error) {
    running->error = std::move(ended).error();
  }
  --running->left;
  running->ended.notify_all();
}

}  // namespace

Task<> transfer_images(Services& services, ImageTransfer transfer, Sink sink) {
  sink(plan_of(transfer));
  auto running = std::make_shared<Running>(services, std::move(transfer), sink);
  running->left = running->transfer.references.size();
  for (size_t i = 0; i < running->transfer.references.size(); ++i)
    start(services.context.io, run_one(running, i));
  while (running->left > 0) co_await running->ended.wait();
  if (!running->error) {
    sink({{"event", "done"}, {"changed", running->changed}});
    co_return;
  }
  bool canceled = running->error->kind() == ErrorKind::Canceled;
  sink({{"event", "error"},
        {"text", running->error->text()},
        {"code", canceled ? 130 : 1},
        {"detail", OrderedJson::array()}});
}

}  // namespace stack::engine
