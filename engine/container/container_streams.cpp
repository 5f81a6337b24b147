#include "engine/container/container_streams.h"

#include "engine/container/refusal.h"

namespace stack::engine {

namespace {

constexpr auto kMonitorLimit = std::chrono::seconds(10);

}  // namespace

Result<std::shared_ptr<PendingAttach>> ContainerStreams::begin(Container& container,
                                                               const runtime::AttachOptions& options) {
  if (next(container.phase, LifeEvent::Attach).verdict == Verdict::Refuse)
    return refusal(container, LifeEvent::Attach);
  return begin_output(container, options);
}

Result<std::shared_ptr<PendingAttach>> ContainerStreams::begin_output(Container& container,
                                                                      const runtime::AttachOptions& options) {
  if (container.leaving()) return refusal(container, LifeEvent::Attach);
  auto pending = std::make_shared<PendingAttach>(context_.io);
  auto done = [pending](Result<Fd> result) {
    pending->value = std::move(result);
    pending->arrived.notify_all();
  };
  if (!container.has_process()) {
    container.waiting_attaches.push_back({options, done, pending});
    return pending;
  }
  ContainerProcess& process = *container.run->process;
  uint32_t token = process.next_token++;
  process.attaching[token] = done;
  Result<> requested = runtime::request_attach(process.control.native_handle(), token, options);
  if (!requested) {
    process.attaching.erase(token);
    return std::move(requested).error();
  }
  pending->deadline = std::chrono::steady_clock::now() + kMonitorLimit;
  return pending;
}

Task<Result<Fd>> ContainerStreams::finish(ContainerPtr container, std::shared_ptr<PendingAttach> pending,
                                          std::stop_token stop) {
  std::stop_callback wake(stop, [pending] { pending->arrived.notify_all(); });
  while (!pending->value && !stop.stop_requested()) {
    bool notified = co_await pending->arrived.wait_until(pending->deadline);
    if (!notified) break;
  }
  container->waiting_attaches.remove_if(
      [&](const Container::WaitingAttach& attach) { return attach.owner == pending; });
  if (stop.stop_requested()) co_return Error(ErrorKind::Canceled, "the client disconnected");
  if (!pending->value) co_return Error(ErrorKind::Timeout, "attach: the container's monitor does not answer");
  co_return std::move(*pending->value);
}

Result<> ContainerStreams::resize(ContainerPtr container, uint16_t rows, uint16_t columns) {
  if (!container->has_process()) return conflict("container " + container->spec.name + " is not running");
  return runtime::send_resize(container->run->process->control.native_handle(), rows, columns);
}

}  // namespace stack::engine
