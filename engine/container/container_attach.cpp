// ContainerService: waits for a container's exit, and attaches to its streams.
#include "engine/container/container_run.h"
#include "engine/container/container_service.h"
#include "engine/container/refusal.h"

namespace stack::engine {

Task<Result<int>> ContainerService::wait(ContainerPtr container, Condition condition, std::stop_token stop) {
  const uint64_t ends_before = container->ends.count;
  auto ended = [&] { return container->ends.count != ends_before; };
  auto over = [&] {
    if (container->phase == Phase::Gone || stop.stop_requested()) return true;
    if (condition == Condition::Removed) return false;
    return ended() || (condition == Condition::NotRunning && !container->run);
  };
  std::stop_callback wake(stop, [container] { container->changed.notify_all(); });
  while (!over()) co_await container->changed.wait();
  co_return ended() ? container->ends.exit_code : container->state.exit_code;
}

namespace {

// The answer that an attachment waits for.
struct AttachAnswer {
  explicit AttachAnswer(asio::io_context& io) : arrived(io) {}
  std::optional<Result<Fd>> value;
  Signal arrived;
};

}  // namespace

Task<Result<Fd>> ContainerService::attach(ContainerPtr container, runtime::AttachOptions options,
                                          std::stop_token stop) {
  if (next(container->phase, LifeEvent::Attach).verdict == Verdict::Refuse)
    co_return refusal(*container, LifeEvent::Attach);
  auto answer = std::make_shared<AttachAnswer>(context_.io);
  auto done = [answer](Result<Fd> result) {
    answer->value = std::move(result);
    answer->arrived.notify_all();
  };
  auto deadline = asio::steady_timer::time_point::max();
  std::list<Container::WaitingAttach>& waiting = container->waiting_attaches;
  if (container->has_process()) {
    ContainerProcess& process = *container->run->process;
    uint32_t token = process.next_token++;
    process.attaching[token] = done;
    Result<> requested = runtime::request_attach(process.control.native_handle(), token, options);
    if (!requested) {
      process.attaching.erase(token);
      co_return std::move(requested).error();
    }
    deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  } else {
    waiting.push_back({options, done, answer});
  }
  std::stop_callback wake(stop, [answer] { answer->arrived.notify_all(); });
  while (!answer->value && !stop.stop_requested()) {
    bool notified = co_await answer->arrived.wait_until(deadline);
    if (!notified) break;
  }
  waiting.remove_if([&](const Container::WaitingAttach& attach) { return attach.owner == answer; });
  if (stop.stop_requested()) co_return Error(ErrorKind::Canceled, "the client disconnected");
  if (!answer->value) co_return Error(ErrorKind::Timeout, "attach: the container's monitor does not answer");
  co_return std::move(*answer->value);
}

Result<> ContainerService::resize(ContainerPtr container, uint16_t rows, uint16_t columns) {
  if (!container->has_process()) return conflict("container " + container->spec.name + " is not running");
  return runtime::send_resize(container->run->process->control.native_handle(), rows, columns);
}

}  // namespace stack::engine
