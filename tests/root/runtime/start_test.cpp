#include <sys/stat.h>
#include <unistd.h>

#include "container_fixture.h"

namespace stack::runtime::test {
namespace {

TEST(Start, CommandRunsAndItsOutputIsLogged) {
  Container box;
  box.script("echo hello; echo oops >&2; exit 7");
  EXPECT_EQ(box.run(), 7);
  ASSERT_FALSE(box.seen().failed) << box.seen().failed->text;
  EXPECT_EQ(box.output("stdout"), "hello\n");
  EXPECT_EQ(box.output("stderr"), "oops\n");
}

}  // namespace
}  // namespace stack::runtime::test
