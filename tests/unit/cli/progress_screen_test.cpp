// Live progress on terminals of any size: it must fit, and never flood the scrollback.
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <thread>

#include "base/fd.h"
#include "cli/render/progress/tty_progress.h"
#include "screen.h"

namespace stack::cli {
namespace {

Json action_row(int id, const std::string& kind, const std::string& object) {
  return {{"id", id}, {"kind", kind}, {"object", object}, {"service", "s"}, {"text", kind + " " + object}};
}

Json plan_of(int services) {
  Json actions = Json::array();
  for (int i = 1; i <= services; ++i)
    actions.push_back(
        action_row(i, "start-container", "shop-service-with-a-long-name-" + std::to_string(i) + "-1"));
  return {{"event", "plan"}, {"actions", actions}};
}

Json state_of(int id, const std::string& name) { return {{"event", "action"}, {"id", id}, {"state", name}}; }

// Live progress on a real terminal device of this size, and the screen that its output makes.
class TerminalRun {
 public:
  TerminalRun(unsigned short columns, unsigned short rows) : screen_(columns, rows) {
    winsize size{rows, columns, 0, 0};
    int outer = -1;
    int inner = -1;
    EXPECT_EQ(::openpty(&outer, &inner, nullptr, nullptr, &size), 0);
    outer_ = Fd(outer);
    inner_ = Fd(inner);
    style_.fd = inner_.get();
    reader_ = std::thread([this] { read(); });
  }
  ~TerminalRun() {
    if (reader_.joinable()) end();
  }
  const ProgressStyle& style() const { return style_; }
  // Call after the progress has finished.
  const Screen& end() {
    inner_.reset();
    reader_.join();
    return screen_;
  }

 private:
  void read() {
    char buffer[65536];
    for (ssize_t n = 0; (n = ::read(outer_.get(), buffer, sizeof buffer)) > 0;) {
      std::string text(buffer, static_cast<size_t>(n));
      // The line discipline sends "\r\n".
      std::erase(text, '\r');
      screen_.print(text);
    }
  }

  Screen screen_;
  Fd outer_;
  Fd inner_;
  ProgressStyle style_;
  std::thread reader_;
};

void run_services(TerminalRun& terminal, int services) {
  TtyProgress progress(terminal.style(), "up");
  progress.event(plan_of(services));
  for (int i = 1; i <= services; ++i) {
    progress.event(state_of(i, "running"));
    if (i % 2 == 0) progress.event(state_of(i - 1, "done"));
  }
  for (int i = 1; i <= services; ++i) progress.event(state_of(i, "done"));
  progress.finish();
}

TEST(ProgressScreen, FortyServicesFitA24By60TerminalWithoutScrolling) {
  TerminalRun terminal(60, 24);
  run_services(terminal, 40);
  const Screen& screen = terminal.end();
  EXPECT_TRUE(screen.scrollback().empty())
      << screen.scrollback().size() << " lines, first: " << screen.scrollback()[0];
  EXPECT_TRUE(screen.shows("[+] up 40/40"));
  EXPECT_TRUE(screen.shows("... and 19 more"));
  size_t headings = 0;
  for (const std::string& line : screen.lines()) headings += line.find("[+]") != std::string::npos ? 1 : 0;
  EXPECT_EQ(headings, 1U);
}

TEST(ProgressScreen, AnySizeFits) {
  for (auto [columns, rows] : std::vector<std::pair<unsigned short, unsigned short>>{
           {20, 3}, {10, 5}, {60, 24}, {200, 60}, {33, 2}}) {
    TerminalRun terminal(columns, rows);
    run_services(terminal, 25);
    EXPECT_TRUE(terminal.end().scrollback().empty()) << columns << "x" << rows;
  }
}

TEST(ProgressScreen, ExactlyFullScreensDoNotScroll) {
  for (int services = 18; services <= 26; ++services) {
    TerminalRun terminal(60, 24);
    run_services(terminal, services);
    EXPECT_TRUE(terminal.end().scrollback().empty()) << services;
  }
}

TEST(ProgressScreen, AWaitShowsTheLastProbeRetriesAndTimeLeftWithoutRepeatingTheName) {
  TerminalRun terminal(120, 24);
  {
    TtyProgress progress(terminal.style(), "up");
    progress.event({{"event", "plan"}, {"actions", {action_row(1, "wait-healthy", "shop-db-1")}}});
    progress.event(state_of(1, "running"));
    progress.event({{"event", "wait"},
                    {"id", 1},
                    {"text", "shop-db-1 is running, health starting"},
                    {"probe",
                     {{"failures", 2},
                      {"retries", 5},
                      {"left_ms", 90500},
                      {"exit_code", 1},
                      {"output", "connection refused"}}}});
    progress.finish();
  }
  const Screen& screen = terminal.end();
  std::string row;
  for (const std::string& line : screen.lines())
    if (line.find("shop-db-1") != std::string::npos) row = line;
  EXPECT_NE(row.find("Container shop-db-1  Waiting"), std::string::npos) << row;
  EXPECT_NE(row.find("running, health starting; probe 2 of 5 failed: connection refused"), std::string::npos)
      << row;
  EXPECT_NE(row.find("90."), std::string::npos) << row;
  EXPECT_NE(row.find("s left"), std::string::npos) << row;
  EXPECT_EQ(row.find("shop-db-1"), row.rfind("shop-db-1")) << row;
}

}  // namespace
}  // namespace stack::cli
