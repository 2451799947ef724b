#define BOOST_TEST_MODULE dataset_program
#include <boost/test/unit_test.hpp>
