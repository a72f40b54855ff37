"""Finds the handler of a path. Fixed segments take precedence over ``{names}``, as in the OSS server's framework."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import define, field

from conductor.server.http.messages import Outcome, Request, Response, error_answer

Handler = Callable[[Request], Outcome]


@define
class Route:
    """A path and its handler.

    Attributes:
        path: The path; ``{name}`` matches any segment.
        handler: Serves a request; called on a thread of the pool.
        methods: The HTTP methods that it serves.
    """

    path: str
    handler: Handler
    methods: Sequence[str] = ("GET",)


@define
class _Node:
    children: dict[str, _Node] = field(factory=dict)
    any_child: _Node | None = None
    routes: dict[str, tuple[Route, tuple[str, ...]]] = field(factory=dict)


class Router:
    """Matches requests with routes, in a tree of path segments."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        for segment in route.path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                if node.any_child is None:
                    node.any_child = _Node()
                node = node.any_child
            else:
                node = node.children.setdefault(segment, _Node())
        for method in route.methods:
            node.routes.setdefault(method, (route, tuple(names)))

    def match(self, request: Request) -> Route | Response:
        """Return the route of a request, and set its path parameters.

        GET routes also serve HEAD.

        Returns:
            The response if no route matches (404, 405), or for OPTIONS, which lists the methods of the path.
        """
        method = "GET" if request.method == "HEAD" else request.method
        allowed: set[str] = set()
        for node, values in self._nodes(request.path.split("/")[1:]):
            found = node.routes.get(method)
            if found is not None:
                route, names = found
                request.path_params = dict(zip(names, values, strict=True))
                return route
            allowed |= node.routes.keys()
        if not allowed:
            return error_answer(404, f"No static resource {request.path.lstrip('/')}.")
        if "GET" in allowed:
            allowed.add("HEAD")
        if method == "OPTIONS":
            return Response(headers={"Allow": ",".join([*sorted(allowed), "OPTIONS"])})
        response = error_answer(405, f"Request method '{request.method}' is not supported")
        response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    def _nodes(self, segments: list[str]) -> Iterator[tuple[_Node, list[str]]]:
        """Return the nodes that match a path, the most specific first."""
        stack: list[tuple[_Node, int, list[str]]] = [(self._root, 0, [])]
        while stack:
            node, depth, values = stack.pop()
            if depth == len(segments):
                if node.routes:
                    yield node, values
                continue
            segment = segments[depth]
            if node.any_child is not None and segment:
                stack.append((node.any_child, depth + 1, [*values, segment]))
            if segment in node.children:
                stack.append((node.children[segment], depth + 1, values))
