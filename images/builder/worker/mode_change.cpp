#include <string_view>

#include "base/text.h"
#include "images/builder/worker/copy.h"

namespace stack::builder {

namespace {

Error bad_mode(std::string_view change) {
  return invalid("invalid chmod parameter: '" + std::string(change) +
                 "': must be an octal number between 0 and 07777 or a symbolic mode such as u=rwX,go=rX");
}

struct Classes {
  bool user = false;
  bool group = false;
  bool other = false;
};

mode_t spread(mode_t rwx, Classes classes) {
  return (classes.user ? rwx << 6 : 0u) | (classes.group ? rwx << 3 : 0u) | (classes.other ? rwx : 0u);
}

// The bits of one "rwxXst" or "u|g|o" list, for the classes to which it applies.
bool permission_bits(std::string_view list, mode_t mode, bool directory, Classes classes, mode_t& bits) {
  bits = 0;
  if (list == "u") bits = spread((mode >> 6) & 7, classes);
  if (list == "g") bits = spread((mode >> 3) & 7, classes);
  if (list == "o") bits = spread(mode & 7, classes);
  if (list == "u" || list == "g" || list == "o") return true;
  for (char c : list) {
    switch (c) {
      case 'r':
        bits |= spread(4, classes);
        break;
      case 'w':
        bits |= spread(2, classes);
        break;
      case 'x':
        bits |= spread(1, classes);
        break;
      case 'X':
        bits |= directory || (mode & 0111) != 0 ? spread(1, classes) : 0u;
        break;
      case 's':
        bits |= (classes.user ? 04000u : 0u) | (classes.group ? 02000u : 0u);
        break;
      case 't':
        bits |= 01000;
        break;
      default:
        return false;
    }
  }
  return true;
}

bool apply_clause(std::string_view clause, bool directory, mode_t& mode) {
  Classes classes;
  size_t i = 0;
  for (; i < clause.size() && std::string_view("ugoa").find(clause[i]) != std::string_view::npos; ++i) {
    classes.user = classes.user || clause[i] == 'u' || clause[i] == 'a';
    classes.group = classes.group || clause[i] == 'g' || clause[i] == 'a';
    classes.other = classes.other || clause[i] == 'o' || clause[i] == 'a';
  }
  if (i == 0) classes = {true, true, true};
  if (i == clause.size()) return false;
  while (i < clause.size()) {
    char action = clause[i++];
    size_t end = std::min(clause.find_first_of("+-=", i), clause.size());
    mode_t bits = 0;
    if (!permission_bits(clause.substr(i, end - i), mode, directory, classes, bits)) return false;
    if (action == '+') {
      mode |= bits;
    } else if (action == '-') {
      mode &= ~bits;
    } else if (action == '=') {
      mode = (mode & ~spread(7, classes)) | bits;
    } else {
      return false;
    }
    i = end;
  }
  return true;
}

}  // namespace

Result<mode_t> changed_mode(std::string_view change, mode_t mode, bool directory) {
  if (is_all_digits(change)) {
    mode_t value = 0;
    for (char c : change) {
      if (c > '7' || value > 0777) return bad_mode(change);
      value = value * 8 + static_cast<mode_t>(c - '0');
    }
    return value;
  }
  if (change.empty()) return bad_mode(change);
  for (const std::string& clause : split(change, ','))
    if (!apply_clause(clause, directory, mode)) return bad_mode(change);
  return mode;
}

}  // namespace stack::builder
