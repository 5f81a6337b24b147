#include "cli/ui/ui_model.h"

#include <gtest/gtest.h>

#include "cli/render/table.h"

namespace stack::cli {
namespace {

UiService service_in_state(const std::string& name, const std::string& state,
                           const std::string& health = "") {
  UiService service;
  service.name = name;
  service.state = state;
  service.health = health;
  return service;
}

UiModel shop() {
  UiModel model("shop");
  model.set_services({service_in_state("db", "running", "healthy"), service_in_state("web", "exited (3)")});
  return model;
}

std::string text_of(const UiModel& model, size_t columns = 80, size_t rows = 24) {
  std::string text;
  for (const std::string& line : model.draw(columns, rows, false)) text += line + "\n";
  return text;
}

TEST(UiModel, FitsEveryScreen) {
  UiModel model("shop");
  std::vector<UiService> services;
  for (int i = 0; i < 50; ++i)
    services.push_back(service_in_state("service-" + std::to_string(i), "running"));
  model.set_services(services);
  model.set_panel_lines(std::vector<std::string>(1000, std::string(500, 'x')));
  for (size_t rows : {1U, 2U, 5U, 24U, 60U}) {
    for (size_t columns : {5U, 60U, 200U}) {
      std::vector<std::string> lines = model.draw(columns, rows, false);
      EXPECT_EQ(lines.size(), rows);
      for (const std::string& line : lines) EXPECT_LE(display_width(line), columns) << line;
    }
  }
}

TEST(UiModel, TheSelectionIsAlwaysVisibleAndKeptByName) {
  UiModel model("shop");
  std::vector<UiService> services;
  for (int i = 0; i < 50; ++i) services.push_back(service_in_state("s" + std::to_string(i), "running"));
  model.set_services(services);
  for (int i = 0; i < 40; ++i) model.key(kKeyDown);
  EXPECT_EQ(model.selected()->name, "s40");
  EXPECT_NE(text_of(model).find("> s40 "), std::string::npos);
  services.erase(services.begin());
  model.set_services(services);
  EXPECT_EQ(model.selected()->name, "s40");
}

TEST(UiModel, KeysChoosePanelsAndActions) {
  UiModel model = shop();
  EXPECT_EQ(model.key('r'), UiAction::Restart);
  EXPECT_EQ(model.key('s'), UiAction::Stop);
  EXPECT_EQ(model.key('x'), UiAction::Exec);
  EXPECT_EQ(model.key('j'), UiAction::None);
  EXPECT_EQ(model.selected()->name, "web");
  EXPECT_EQ(model.key('s'), UiAction::Start);
  EXPECT_EQ(model.key('x'), UiAction::None) << "no shell in a stopped container";
  EXPECT_EQ(model.key('b'), UiAction::Rebuild);
  model.key('t');
  EXPECT_EQ(model.panel(), UiPanel::Top);
  model.key('?');
  EXPECT_NE(text_of(model).find("open a shell"), std::string::npos);
  EXPECT_EQ(model.key('q'), UiAction::Quit);
  UiModel empty("nothing");
  EXPECT_EQ(empty.key('r'), UiAction::None);
}

TEST(UiModel, SearchShowsOnlyMatchingLines) {
  UiModel model = shop();
  model.set_panel_lines({"GET /index", "POST /order", "get /image"});
  for (char key : std::string("/getq")) model.key(key);
  EXPECT_NE(text_of(model).find("search: getq"), std::string::npos) << "keys are text now";
  model.key(kKeyBackspace);
  model.key(kKeyEnter);
  EXPECT_NE(text_of(model).find("GET /index"), std::string::npos);
  EXPECT_NE(text_of(model).find("get /image"), std::string::npos);
  EXPECT_EQ(text_of(model).find("POST"), std::string::npos);
  model.key(kKeyEscape);
  EXPECT_NE(text_of(model).find("POST"), std::string::npos);
}

TEST(UiModel, LogsShowTheirEndAndScrollBack) {
  UiModel model = shop();
  std::vector<std::string> lines;
  for (int i = 1; i <= 100; ++i) lines.push_back("line " + std::to_string(i) + ".");
  model.set_panel_lines(lines);
  EXPECT_NE(text_of(model).find("line 100."), std::string::npos);
  model.key(kKeyPageUp);
  EXPECT_EQ(text_of(model).find("line 100."), std::string::npos);
  EXPECT_NE(text_of(model).find("line 90."), std::string::npos);
  model.key(kKeyPageDown);
  EXPECT_NE(text_of(model).find("line 100."), std::string::npos);
}

TEST(UiModel, OutputOfContainersCannotControlTheTerminal) {
  UiModel model = shop();
  model.set_panel_lines({"\x1b[2J\x1b[31mred\x1b[0m\a text\r"});
  std::string text = text_of(model);
  EXPECT_NE(text.find("red text"), std::string::npos);
  for (char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
}

TEST(UiModel, KeysAreReadFromBytes) {
  std::string bytes = "\x1b[Aq\x1b[5~\x1b[1;5Cx\x1b";
  EXPECT_EQ(take_key(bytes), kKeyUp);
  EXPECT_EQ(take_key(bytes), 'q');
  EXPECT_EQ(take_key(bytes), kKeyPageUp);
  EXPECT_EQ(take_key(bytes), 0) << "unknown";
  EXPECT_EQ(take_key(bytes), 'x');
  EXPECT_EQ(take_key(bytes), kKeyEscape);
  EXPECT_EQ(take_key(bytes), -1);
}

}  // namespace
}  // namespace stack::cli
