#include "base/async_mutex.h"

#include <gtest/gtest.h>

#include <asio.hpp>

using namespace stack;

namespace {

class Mutex : public ::testing::Test {
 protected:
  asio::io_context io;
  AsyncMutex mutex{io};
  std::optional<AsyncMutex::Lock> first;
  asio::cancellation_signal signal;

  void SetUp() override {
    asio::co_spawn(io, take(), asio::detached);
    settle();
    ASSERT_TRUE(first);
  }
  Task<> take() {
    AsyncMutex::Lock lock = co_await mutex.lock();
    first.emplace(std::move(lock));
  }
  // Waits for the mutex, records that it has it, and releases it.
  Task<> pass(bool& passed, std::stop_token stop) {
    std::optional<AsyncMutex::Lock> lock = co_await mutex.lock(stop);
    passed = lock.has_value();
  }
  void settle() {
    io.restart();
    io.poll();
  }
};

}  // namespace

TEST_F(Mutex, PassesTheLockOnInOrder) {
  bool second = false;
  bool third = false;
  asio::co_spawn(io, pass(second, {}), asio::detached);
  asio::co_spawn(io, pass(third, {}), asio::detached);
  settle();
  EXPECT_FALSE(second || third);
  first.reset();
  settle();
  EXPECT_TRUE(second && third);
  EXPECT_FALSE(mutex.held());
}

TEST_F(Mutex, WaitCanceledByAsioDoesNotGetTheLock) {
  bool second = false;
  bool third = false;
  auto cancelable = asio::bind_cancellation_slot(signal.slot(), [](std::exception_ptr) {});
  asio::co_spawn(io, pass(second, {}), cancelable);
  asio::co_spawn(io, pass(third, {}), asio::detached);
  settle();
  signal.emit(asio::cancellation_type::terminal);
  settle();
  EXPECT_FALSE(second) << "the first holder still has it";
  EXPECT_TRUE(mutex.held());
  first.reset();
  settle();
  EXPECT_FALSE(second);
  EXPECT_TRUE(third) << "a canceled waiter must not swallow its turn";
}

TEST_F(Mutex, StopEndsTheWaitWithoutTheLock) {
  bool second = true;
  std::stop_source stop;
  asio::co_spawn(io, pass(second, stop.get_token()), asio::detached);
  settle();
  stop.request_stop();
  settle();
  EXPECT_FALSE(second);
  first.reset();
  settle();
  EXPECT_FALSE(mutex.held());
}

TEST_F(Mutex, StopDuringTheHandoverKeepsNothingLocked) {
  bool second = false;
  std::stop_source stop;
  asio::co_spawn(io, pass(second, stop.get_token()), asio::detached);
  settle();
  first.reset();
  stop.request_stop();
  settle();
  EXPECT_TRUE(second) << "it was handed over before the stop";
  EXPECT_FALSE(mutex.held());
}
