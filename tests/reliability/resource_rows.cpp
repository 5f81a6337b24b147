// R6, R7, R10, R14, R15: full disk, few descriptors, containers without memory, many cycles, newer state.
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "base/text.h"
#include "row.h"

namespace stack::reliability {
namespace {

constexpr const char* kProject = R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    ports: ["18082:8000"]
    volumes: ["data:/data"]
volumes:
  data:
)";

class ResourceRow : public Row {
 protected:
  size_t open_files(pid_t pid) {
    std::error_code ignored;
    size_t number = 0;
    for (auto it = std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", ignored);
         it != std::filesystem::directory_iterator(); it.increment(ignored))
      ++number;
    return number;
  }
  long resident_kib(pid_t pid) {
    std::string text = read_file("/proc/" + std::to_string(pid) + "/status").value_or("");
    size_t at = text.find("VmRSS:");
    return at == std::string::npos ? 0 : std::strtol(text.c_str() + at + 6, nullptr, 10);
  }
};

TEST_F(ResourceRow, R6_FullDisk) {
  begin("R6", "file system of the state full during down", "`down`");
  project("full", kProject);
  for (unsigned i = count(3, 50); i > 0; --i)
    once("full", [&] {
      must({"up", "-d"});
      std::string filler = stack().root() + "/filler";
      // In small steps at the end, so that nothing is left.
      e2e::run_command({"sh", "-c",
                        "mount -o remount,size=$(($(df -k --output=used " + stack().root() +
                            " | tail -1) + 2048))k $(df --output=target " + stack().root() +
                            " | tail -1); dd if=/dev/zero of=" + filler +
                            " bs=64k; dd if=/dev/zero bs=1k >> " + filler});
      timed(measure([&] { must({"down", "-v"}); }));
      std::filesystem::remove(filler);
      e2e::run_command(
          {"sh", "-c", "mount -o remount,size=8g $(df --output=target " + stack().root() + " | tail -1)"});
      must({"up", "-d"});
      must({"down", "-v"});
      expect_nothing_left();
    });
}

TEST_F(ResourceRow, R7_FewDescriptors) {
  begin("R7", "engine with k open files (hard limit) during up");
  project("few", kProject);
  for (unsigned k : {4U, 8U, 12U, 16U, 20U, 24U, 32U, 48U, 64U})
    once("limit " + std::to_string(k), [&] {
      stack().shut_down();
      BackgroundCommand engine({"sh", "-c",
                                "ulimit -n " + std::to_string(k) + "; exec " + e2e::program_folder() +
                                    "/stackd --root " + stack().root() + " --run-root " +
                                    stack().run_root()});
      ::usleep(300'000);
      CommandOptions options;
      options.directory = path("");
      CommandResult up = stack().run({"up", "-d"}, options);
      EXPECT_NE(up.code, -1) << "up does not end";
      stack().kill_engine();
      engine.wait(5s);
      must({"up", "-d"});
      must({"down", "-v"});
      expect_nothing_left();
    });
}

TEST_F(ResourceRow, R10_ContainersThatHarm) {
  begin("R10", "containers out of memory, out of processes, crash loops");
  project("harm", R"(
services:
  memory:
    image: debian:bookworm-slim
    command: perl -e 'my @a; push @a, "x" x 1000000 while 1'
    mem_limit: 32m
    memswap_limit: 32m
  forks:
    image: debian:bookworm-slim
    command: perl -e 'while (1) { fork }'
    pids_limit: 30
    stop_signal: SIGKILL
  loop:
    image: debian:bookworm-slim
    command: "false"
    restart: always
)");
  for (unsigned i = count(2, 20); i > 0; --i)
    once("harm", [&] {
      must({"up", "-d"});
      EXPECT_TRUE(eventually(20s, [&] { return container("memory").state == "exited"; }));
      EXPECT_EQ(container("memory").exit_code, 137);
      Json state = stack().api("GET", "/containers/" + container("memory").id + "/json").body["State"];
      EXPECT_TRUE(bool_or(state, "OOMKilled"));
      must({"ps"});
      must({"down", "-t", "0"});
      expect_nothing_left();
    });
}

TEST_F(ResourceRow, R14_Cycles) {
  begin("R14", "up and down again and again: growth of the engine", "`up` and `down`");
  project("cycles", kProject);
  must({"up", "-d"});
  must({"down", "-v"});
  pid_t engine = stack().engine_pid();
  long memory = 0;
  size_t files = 0;
  unsigned cycles = count(30, 2000);
  for (unsigned i = 0; i < cycles; ++i) {
    if (i == cycles / 3) {
      memory = resident_kib(engine);
      files = open_files(engine);
    }
    once("cycle", [&] { timed(measure([&] { must({"up", "-d"}), must({"down", "-v"}); })); });
  }
  EXPECT_EQ(stack().engine_pid(), engine);
  long grown = resident_kib(engine) - memory;
  EXPECT_LE(open_files(engine), files + 2);
  note("grown by " + std::to_string(grown) + " KiB in the last two thirds");
  EXPECT_LT(grown, 4096);
}

TEST_F(ResourceRow, R15_StateOfANewerVersion) {
  begin("R15", "state file of a newer version");
  project("newer", kProject);
  must({"up", "-d"});
  once("newer", [&] {
    stack().shut_down();
    auto set_version = [&](const std::string& version) {
      sqlite3* db = nullptr;
      ASSERT_EQ(sqlite3_open((stack().root() + "/state.db").c_str(), &db), SQLITE_OK);
      EXPECT_EQ(sqlite3_exec(db, ("PRAGMA user_version=" + version).c_str(), nullptr, nullptr, nullptr),
                SQLITE_OK);
      sqlite3_close(db);
    };
    auto version = [&] {
      sqlite3* db = nullptr;
      sqlite3_stmt* query = nullptr;
      sqlite3_open((stack().root() + "/state.db").c_str(), &db);
      sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &query, nullptr);
      int number = sqlite3_step(query) == SQLITE_ROW ? sqlite3_column_int(query, 0) : -1;
      sqlite3_finalize(query);
      sqlite3_close(db);
      return number;
    };
    int own = version();
    set_version(std::to_string(own + 1));
    CommandResult ps = run({"ps"});
    EXPECT_NE(ps.code, 0);
    EXPECT_NE(ps.text().find("newer version of stack"), std::string::npos) << ps.text();
    EXPECT_EQ(version(), own + 1);
    set_version(std::to_string(own));
    must({"ps"});
    EXPECT_EQ(container("web").state, "running");
  });
}

}  // namespace
}  // namespace stack::reliability
