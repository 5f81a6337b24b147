#include "runtime/oci/status.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/oci/state.h"

namespace stack::runtime::oci {
namespace {

// The states in which an operation is allowed, as one word: c(reating) C(reated) R(unning) P(aused)
// S(topped).
std::string allowed(Operation operation) {
  std::string out;
  constexpr std::pair<Status, char> kAll[] = {{Status::Creating, 'c'},
                                              {Status::Created, 'C'},
                                              {Status::Running, 'R'},
                                              {Status::Paused, 'P'},
                                              {Status::Stopped, 'S'}};
  for (auto [status, letter] : kAll) {
    if (check_allowed(operation, status, "x")) out += letter;
  }
  return out;
}

TEST(ContainerStatus, EachOperationIsAllowedInItsStates) {
  EXPECT_EQ(allowed(Operation::Start), "C");
  EXPECT_EQ(allowed(Operation::Kill), "CRP");
  EXPECT_EQ(allowed(Operation::Delete), "S");
  EXPECT_EQ(allowed(Operation::Exec), "CR");
  EXPECT_EQ(allowed(Operation::Pause), "CR");
  EXPECT_EQ(allowed(Operation::Resume), "P");
  EXPECT_EQ(allowed(Operation::Update), "CRP");
}

TEST(ContainerStatus, ErrorsNameTheContainerAndItsState) {
  EXPECT_EQ(check_allowed(Operation::Start, Status::Running, "web").error().text(),
            "cannot start container web: it is running");
  // The text that containerd searches for.
  EXPECT_NE(
      check_allowed(Operation::Kill, Status::Stopped, "web").error().text().find("container not running"),
      std::string::npos);
}

TEST(ContainerStatus, IdsCannotLeaveTheStateRoot) {
  for (const char* good : {"a", "web-1", "A_b+c.d", "0123456789abcdef"})
    EXPECT_TRUE(check_container_id(good)) << good;
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string(".hidden"),
        std::string("a b"), std::string("a\n"), std::string(256, 'a'), std::string("a\0b", 3)})
    EXPECT_FALSE(check_container_id(bad)) << bad;
}

TEST(OciState, RoundTrips) {
  OciState state;
  state.oci_version = "1.2.0";
  state.id = "web";
  state.bundle = "/b";
  state.cgroup_path = "/x/web";
  state.created_cgroup = true;
  state.pid = 42;
  state.start_time = 123456;
  state.annotations = {{"k", "v"}};
  Result<OciState> read = state_from_json(state_to_json(state));
  ASSERT_TRUE(read);
  EXPECT_EQ(state_to_json(*read), state_to_json(state));
}

TEST(OciState, DamagedFilesAreRejected) {
  EXPECT_FALSE(state_from_json(Json::array()));
  EXPECT_FALSE(state_from_json(Json::object()));
  EXPECT_FALSE(state_from_json({{"id", "x"}, {"pid", "many"}}));
}

TEST(OciState, StoppedContainersDocumentHasNoPid) {
  OciState state;
  state.id = "web";
  state.pid = 42;
  EXPECT_EQ(state_document(state, Status::Running)["pid"], 42);
  EXPECT_EQ(state_document(state, Status::Stopped)["pid"], 0);
}

TEST(OciState, ProcessWithAnotherStartTimeIsNotTheContainers) {
  std::optional<uint64_t> own = process_start_time(::getpid());
  ASSERT_TRUE(own);
  OciState state;
  state.id = "web";
  state.pid = ::getpid();
  state.start_time = *own;
  EXPECT_TRUE(open_container_process(state));
  state.start_time = *own + 1;
  EXPECT_FALSE(open_container_process(state));
}

}  // namespace
}  // namespace stack::runtime::oci
