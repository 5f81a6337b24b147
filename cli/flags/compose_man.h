// The body of stack-compose(5), from the table of attributes.
#pragma once

#include <string>

namespace stack::cli {

// Everything after the NAME section.
std::string compose_man_text();

}  // namespace stack::cli
