{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{# As Brian2's, but skipped in a step in which a shared number says that it does nothing. #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
#ifndef SYNFIRE_ELAPSED
#define SYNFIRE_ELAPSED
// timestep(t, dt) >= steps
static inline bool synfire_elapsed(double t, double dt, int64_t steps)
{
    const double elapsed = (t + 1e-3*dt)/dt;
    return steps > 0 ? elapsed >= double(steps) : int64_t(elapsed) >= steps;
}
#endif
{% endblock %}

{% block maincode %}
    //// MAIN CODE ////////////
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% if idle_without %}
    const int _N = {{idle_without}} ? {{constant_or_scalar('N', variables['N'])}} : 0;
    {% else %}
    const int _N = {{constant_or_scalar('N', variables['N'])}};
    {% endif %}
    {{openmp_pragma('parallel-static')}}
    {% if neurons_apart and not openmp_pragma('with_openmp') %}
    #pragma GCC ivdep
    {% endif %}
    for(int _idx=0; _idx<_N; _idx++)
    {
        // vector code
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
{% endblock %}
