{# USES_VARIABLES { N } #}
{# As Brian2's, but the condition is computed for a block of neurons at once, without a branch; only
   blocks in which somebody crossed the threshold are looked through.  `neurons_at_once` comes from
   RowGenerator, as does `never_without`: a shared flag without which nobody crosses it. #}
{% extends 'common_group.cpp' %}
{% block extra_headers %}
#include <cstring>
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the first of eight flags must be the lowest byte of their word"
#endif
{% endblock %}
{% block maincode %}
    // scalar code
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% set _eventspace = get_array_name(eventspace_variable) %}
    long _count = 0;
    const size_t _block = {{neurons_at_once}};
    const size_t _padded = (_block + 7) / 8 * 8;
    char _crossed[_padded] = {};
    {% if not _uses_refractory %}
    const unsigned char _many = 8;  // from which on it is faster to write down all of a block
    {% endif %}
    const size_t _n = {{never_without + ' ? N : 0' if never_without else 'N'}};
    for (size_t _begin = 0; _begin < _n; _begin += _block)
    {
        const size_t _size = N - _begin < _block ? N - _begin : _block;
        unsigned char _n_crossed = 0;
        for (size_t _k = 0; _k < _size; _k++)
        {
            const size_t _idx = _begin + _k;
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            const char _is = _cond ? 1 : 0;
            _crossed[_k] = _is;
            _n_crossed += _is;
        }
        if (!_n_crossed) continue;
        {% if not _uses_refractory %}
        if (_n_crossed >= _many)
        {
            // every neuron is written down; the next one takes the place of one that has not crossed
            for (size_t _k = 0; _k < _size; _k++)
            {
                {{_eventspace}}[_count] = _begin + _k;
                _count += _crossed[_k];
            }
            continue;
        }
        {% endif %}
        if (_size < _block)
            for (size_t _k = _size; _k < _block; _k++) _crossed[_k] = 0;
        for (size_t _word = 0; _word < _padded; _word += 8)
        {
            uint64_t _bits;  // eight flags, one a byte; the first is the lowest
            std::memcpy(&_bits, _crossed + _word, 8);
            for (; _bits; _bits &= _bits - 1)
            {
            const size_t _idx = _begin + _word + __builtin_ctzll(_bits) / 8;
            {{_eventspace}}[_count++] = _idx;
            {% if _uses_refractory %}
            {{not_refractory}}[_idx] = false;
            {{lastspike}}[_idx] = {{t}};
            {% endif %}
            }
        }
    }
    {{_eventspace}}[N] = _count;
{% endblock %}

{% block after_code %}
{% set _eventspace = get_array_name(eventspace_variable) %}
{{_eventspace}}[N] = 0;
{% endblock %}
