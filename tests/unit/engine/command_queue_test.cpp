#include "engine/container/command_queue.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stack::engine {
namespace {

using Kind = CommandQueue::Kind;

struct World {
  asio::io_context io;
  CommandQueue queue{io};
  std::vector<std::string> told;

  // Holds its turn until `release` is notified.
  Task<> command(std::string name, Kind kind, Signal& release) {
    Result<CommandQueue::Turn> turn = co_await queue.enter(kind);
    if (!turn) {
      told.push_back(name + " canceled");
      co_return;
    }
    told.push_back(name + " begins");
    co_await release.wait();
    told.push_back(name + (turn->pre_empted() ? " was pre-empted" : " ends"));
  }
  void begin(std::string name, Kind kind, Signal& release) {
    start(io, command(std::move(name), kind, release));
    poll();
  }
  void poll() {
    io.restart();
    io.poll();
  }
};

TEST(CommandQueue, CommandsRunOneAtATimeInOrder) {
  World world;
  Signal a(world.io), b(world.io);
  world.begin("a", Kind::Start, a);
  world.begin("b", Kind::Steady, b);
  EXPECT_EQ(world.told, (std::vector<std::string>{"a begins"}));
  a.notify_all();
  world.poll();
  EXPECT_EQ(world.told, (std::vector<std::string>{"a begins", "a ends", "b begins"}));
  b.notify_all();
  world.poll();
  EXPECT_FALSE(world.queue.busy());
}

TEST(CommandQueue, PreEmptionCancelsWaitingStartsAndNotifiesTheRunningOne) {
  World world;
  Signal a(world.io), b(world.io), c(world.io);
  world.begin("a", Kind::Start, a);
  world.begin("b", Kind::Start, b);
  world.begin("c", Kind::Steady, c);
  world.queue.preempt();
  world.poll();
  EXPECT_EQ(world.told, (std::vector<std::string>{"a begins", "b canceled"}));
  a.notify_all();
  world.poll();
  c.notify_all();
  world.poll();
  EXPECT_EQ(world.told,
            (std::vector<std::string>{"a begins", "b canceled", "a was pre-empted", "c begins", "c ends"}));
}

TEST(CommandQueue, PreEmptionOfAnIdleQueueChangesNothing) {
  World world;
  Signal a(world.io);
  world.queue.preempt();
  world.begin("a", Kind::Start, a);
  a.notify_all();
  world.poll();
  EXPECT_EQ(world.told, (std::vector<std::string>{"a begins", "a ends"}));
}

TEST(CommandQueue, CanceledWaitDoesNotGetTheTurn) {
  World world;
  Signal a(world.io), b(world.io), c(world.io);
  world.begin("a", Kind::Start, a);
  asio::cancellation_signal cancel;
  asio::co_spawn(world.io, world.command("b", Kind::Steady, b),
                 asio::bind_cancellation_slot(cancel.slot(), [](std::exception_ptr) {}));
  world.poll();
  world.begin("c", Kind::Steady, c);
  cancel.emit(asio::cancellation_type::terminal);
  world.poll();
  a.notify_all();
  world.poll();
  EXPECT_EQ(world.told.back(), "c begins");
  c.notify_all();
  world.poll();
  EXPECT_FALSE(world.queue.busy());
}

}  // namespace
}  // namespace stack::engine
