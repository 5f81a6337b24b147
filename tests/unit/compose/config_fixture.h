// Tests of `stack config` with one set of options.
#pragma once

#include "fixture.h"

namespace stack::compose {

class ConfigTest : public ComposeTest {
 protected:
  ConfigTest() {
    options.project_name.reset();
    options.profiles = {"a"};
    options.environment["SECRET"] = "s";
    options.refuse = false;
  }
};

}  // namespace stack::compose
