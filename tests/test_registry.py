"""Names lead to factories: built in, registered, or of a plug-in that is really installed."""

import inspect
import subprocess
import sys
import textwrap
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from fer_toolkit.errors import BrokenExtraError, OptionError, UnknownNameError
from fer_toolkit.registry import Registry

GROUP = "fer_toolkit_test.counters"


class Mine:
    def __init__(self, start, *, step=1):
        self.start, self.step = start, step


@pytest.fixture
def registry():
    """Built-in names for parts of the standard library, whose options are like those of any factory."""
    return Registry("counter", {"fraction": "fractions:Fraction", "broken": "no_such_module:Counter"}, GROUP)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution with one module and its entry points on the path, as pip would."""

    def install(distribution, source, **entries):
        site = tmp_path / distribution
        module = distribution.replace("-", "_")
        metadata = site / f"{module}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (site / f"{module}.py").write_text(textwrap.dedent(source))
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = [f"{name} = {module}:{attribute}" for name, attribute in entries.items()]
        (metadata / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]))
        monkeypatch.syspath_prepend(site)

    return install


class TestNames:
    def test_the_built_in_names_keep_their_order_and_the_others_follow_in_theirs(self, registry, install):
        install("counting-plugin", "class Counter: ...", plugged="Counter")
        registry.register("zebra", Mine)
        registry.register("ant", Mine)
        assert registry.names() == ("fraction", "broken", "ant", "plugged", "zebra")

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("fractoin", r"no counter is named 'fractoin'. Did you mean 'fraction'\? There are: fraction, broken"),
            ("FRACTION", r"Did you mean 'fraction'\?"),
            ("zzz", r"no counter is named 'zzz'. There are: fraction, broken"),
            ("", r"no counter is named ''"),
            (None, r"no counter is named None"),
        ],
    )
    def test_an_unknown_name_is_answered_with_those_there_are(self, registry, name, message):
        with pytest.raises(UnknownNameError, match=message):
            registry.build(name)

    def test_an_empty_registry_says_so(self):
        with pytest.raises(UnknownNameError, match=r"no counter is named 'x'\. There are none"):
            Registry("counter", {}, GROUP).resolve("x")


class TestBuilding:
    def test_a_built_in_is_built_with_its_options(self, registry):
        assert registry.build("fraction", numerator=1, denominator=4) == 0.25

    def test_a_built_in_may_be_given_as_a_factory(self):
        assert Registry("counter", {"mine": Mine}, GROUP).build("mine", start=3).start == 3

    def test_a_built_in_is_not_imported_before_it_is_asked_for(self):
        script = """
            import sys
            from fer_toolkit.registry import Registry
            registry = Registry("counter", {"fraction": "fractions:Fraction"}, "no.such.group")
            registry.names()
            assert "fractions" not in sys.modules
            registry.resolve("fraction")
            assert "fractions" in sys.modules
        """
        subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)

    def test_an_import_error_of_a_built_in_is_passed_on(self, registry):
        with pytest.raises(ModuleNotFoundError, match="no_such_module"):
            registry.build("broken")

    @pytest.mark.parametrize(
        ("factory", "options", "message"),
        [
            (Mine, {"start": 1, "stop": 2}, r"the counter 'mine' has no option 'stop'\. .*There are: start, step"),
            (Mine, {"start": 1, "stpe": 2}, r"no option 'stpe'\. Did you mean 'step'\?"),
            (Mine, {}, r"the counter 'mine' needs the option 'start'"),
            (lambda: 1, {"start": 1}, r"no option 'start'\. There are none"),
            (lambda a, /: a, {"a": 1}, r"no option 'a'"),
        ],
    )
    def test_options_are_refused_by_name(self, registry, factory, options, message):
        registry.register("mine", factory)
        with pytest.raises(OptionError, match=message):
            registry.build("mine", **options)

    def test_a_factory_may_take_any_option(self, registry):
        registry.register("mine", lambda **options: options)
        assert registry.build("mine", anything=1) == {"anything": 1}

    def test_a_factory_that_does_not_tell_its_options_is_given_them_all(self, registry):
        with pytest.raises(ValueError, match="signature"):
            inspect.signature(dict)
        registry.register("mine", dict)
        assert registry.build("mine", a=1) == {"a": 1}

    def test_a_type_error_inside_a_factory_is_passed_on(self, registry):
        registry.register("mine", lambda: len(1))
        with pytest.raises(TypeError, match="has no len"):
            registry.build("mine")


class TestRegistering:
    def test_a_name_may_be_registered_again(self, registry):
        registry.register("mine", dict)
        registry.register("mine", Mine)
        assert registry.resolve("mine") is Mine

    @pytest.mark.parametrize(
        ("name", "factory", "message"),
        [
            ("fraction", Mine, "the counter 'fraction' is built in; register yours by another name"),
            ("", Mine, "a counter's name must be text. Received: ''"),
            (1, Mine, "a counter's name must be text. Received: 1"),
            ("mine", "Mine", "the factory of 'mine' must be a class or a function. Received: 'Mine'"),
        ],
    )
    def test_a_wrong_registration_is_refused(self, registry, name, factory, message):
        with pytest.raises(OptionError, match=message):
            registry.register(name, factory)


class TestPlugins:
    def test_a_plugin_is_found_by_its_entry_point(self, registry, install):
        install(
            "counting-plugin", "class Counter:\n    def __init__(self, step=1): self.step = step", plugged="Counter"
        )
        assert registry.build("plugged", step=3).step == 3

    def test_plugins_are_looked_for_at_the_first_look_up_and_once(self, registry, install):
        install("early-plugin", "class Counter: ...", early="Counter")
        assert "early" in registry.names()
        install("late-plugin", "class Counter: ...", late="Counter")
        assert "late" not in registry.names()

    def test_a_broken_plugin_is_an_error_only_when_it_is_asked_for(self, registry, install):
        install("broken-plugin", "import no_such_dependency", plugged="Counter")
        assert "plugged" in registry.names()
        assert registry.build("fraction") == 0
        with pytest.raises(
            BrokenExtraError, match=r"'plugged' of the plug-in 'broken-plugin'.*No module named 'no_such_dep"
        ):
            registry.build("plugged")

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            (
                "raise RuntimeError('no licence')",
                "fails to import; mend or remove that package: RuntimeError: no licence",
            ),
            ("", "fails to import; .*: AttributeError: .*'Counter'"),
            ("Counter = 1", "must be a class or a function. Received: 1"),
        ],
    )
    def test_the_error_of_a_broken_plugin_names_its_distribution_and_the_cause(
        self, registry, install, source, message
    ):
        install("faulty-plugin", source, plugged="Counter")
        with pytest.raises(BrokenExtraError, match=f"'faulty-plugin'.*{message}"):
            registry.resolve("plugged")
        sys.modules.pop("faulty_plugin", None)

    def test_a_built_in_is_not_shadowed_and_one_warning_names_the_plugin(self, registry, install):
        install("shadowing-plugin", "class Counter: ...", fraction="Counter", own="Counter")
        assert registry.build("fraction", numerator=2) == 2  # without a look at plug-ins
        with pytest.warns(
            UserWarning, match="'shadowing-plugin' offers a counter named 'fraction'.* built-in"
        ) as caught:
            assert registry.names() == ("fraction", "broken", "own")
        assert len(caught) == 1
        assert registry.build("fraction", numerator=2) == 2

    def test_a_shadowing_plugin_does_no_harm_where_warnings_are_errors(self, registry, install):
        install("shadowing-plugin", "class Counter: ...", fraction="Counter")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning, match="shadowing-plugin"):
                registry.names()
            assert registry.names() == ("fraction", "broken")

    def test_of_two_plugins_with_one_name_the_first_in_the_alphabet_is_used_with_a_warning(self, registry, install):
        install("b-plugin", "Counter = lambda: 'b'", plugged="Counter")
        install("a-plugin", "Counter = lambda: 'a'", plugged="Counter")
        with pytest.warns(UserWarning, match="'b-plugin' offers a counter named 'plugged', and so does 'a-plugin'"):
            assert registry.build("plugged") == "a"

    def test_a_registered_factory_goes_before_a_plugin(self, registry, install):
        install("counting-plugin", "class Counter: ...", plugged="Counter")
        registry.register("plugged", Mine)
        assert registry.resolve("plugged") is Mine

    def test_many_threads_find_the_same_plugins(self, registry, install):
        install("counting-plugin", "class Counter: ...", plugged="Counter")
        together = threading.Barrier(8)

        def look_up(_):
            together.wait(10)
            return registry.resolve("plugged")

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(look_up, range(8)))) == 1
